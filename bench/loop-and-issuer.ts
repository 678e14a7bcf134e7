import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readAssembly } from '../local/assembly.ts';
import { startEventSource } from '../local/event-source.ts';
import { openFunctionLog } from '../local/function-log.ts';
import { createFunctionPool } from '../local/function-pool.ts';
import { startReaper } from '../local/reaper.ts';
import { localEnvironment, localQueueUrl } from '../local/replacements.ts';
import { startRuntimeApi } from '../local/runtime-api.ts';
import { startSqs } from '../local/sqs.ts';
import { synthesize } from '../local/synth.ts';
import { readTemplate, type FunctionModel } from '../local/template.ts';
import { functionProcesses } from './function-processes.ts';

const REPOSITORY_DIR = fileURLToPath(new URL('..', import.meta.url));
/** Batches under way at once: one in the issuer, and one that is fetched meanwhile. */
const POLLERS = 2;
const BATCH_WAIT_MS = 30_000;
const LOOP_WAIT_MS = 1000;
const START_TIMEOUT_MS = 20_000;
const LOOK_MS = 100;
/** How long the two may take to end. */
const STOP_GRACE_MS = 3000;
const QUEUE_DRAIN_MS = 1000;

/** One process of the drain loop and one of the issuer, as they are deployed, over an SQS emulator in this process. */
export interface LoopAndIssuer {
  loopPid: number;
  issuerPid: number;
  stop(): Promise<void>;
}

/** Starts both at a pace given as CDK context, with bundles of the template. */
export async function startLoopAndIssuer(redisUrl: string, folder: string, context: Record<string, string>): Promise<LoopAndIssuer> {
  const cleanups: (() => void | Promise<void>)[] = [];
  const stop = async () => {
    for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
  };
  try {
    const outDir = path.join(folder, 'assembly');
    await synthesize({ repositoryDir: REPOSITORY_DIR, outDir, context: { stage: 'dev', ...context } });
    const model = readTemplate(readAssembly(outDir));
    const [source] = model.eventSources;
    const loop = model.functions.find(({ id }) => id === model.schedules[0]?.targets[0]?.functionId);
    const issuer = model.functions.find(({ id }) => id === source?.functionId);
    if (!source || !loop || !issuer) throw new Error('The template has no drain loop and issuer.');

    const sqs = await startSqs({ dataDir: path.join(folder, 'sqs'), queues: model.queues });
    cleanups.push(() => sqs.stop());
    const reaper = startReaper();
    cleanups.push(() => reaper.stop());
    const runtimeApi = await startRuntimeApi();
    cleanups.push(() => runtimeApi.stop());
    const poolOf = (spec: FunctionModel) => {
      const environment = localEnvironment(spec, { redisUrl, redisMode: 'cluster', sqsEndpoint: sqs.endpoint, queueIds: model.queues.map(({ id }) => id) });
      const log = openFunctionLog(path.join(folder, 'logs'), spec.name, (line) => console.error(line));
      cleanups.push(() => log.close());
      const pool = createFunctionPool({ ...spec, environment }, 1, { runtimeApi, reaper, log });
      cleanups.push(() => pool.stop(STOP_GRACE_MS));
      return pool;
    };
    const [loopPool, issuerPool] = [poolOf(loop), poolOf(issuer)];
    const eventSource = startEventSource({
      ...source,
      client: sqs.client,
      queueUrl: localQueueUrl(sqs.endpoint, source.queueId),
      queueArn: model.queues.find(({ id }) => id === source.queueId)?.arn ?? '',
      pollers: POLLERS,
      invoke: (payload) => issuerPool.invoke(payload, BATCH_WAIT_MS),
      endPolls: () => sqs.endPolls(),
      log: (sentence) => console.error(sentence),
    });
    cleanups.push(() => eventSource.stop(QUEUE_DRAIN_MS));

    const stopping = new AbortController();
    const runs = (async () => {
      // A run ends some seconds before the function's time does; the next one follows.
      while (!stopping.signal.aborted) await loopPool.invoke(JSON.stringify({ shard: 0, shards: 1 }), LOOP_WAIT_MS);
    })();
    cleanups.push(async () => {
      stopping.abort();
      await loopPool.stop(STOP_GRACE_MS);
      await runs;
    });
    await issuerPool.invoke(JSON.stringify({ Records: [] }), BATCH_WAIT_MS);
    return { loopPid: await pidOf(loop.name), issuerPid: await pidOf(issuer.name), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function pidOf(functionName: string): Promise<number> {
  for (const startedAt = performance.now(); performance.now() - startedAt < START_TIMEOUT_MS; ) {
    const [pid] = await functionProcesses(process.pid, functionName);
    if (pid !== undefined) return pid;
    await new Promise((resolve) => void setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`The process of ${functionName} did not start within ${START_TIMEOUT_MS / 1000} s.`);
}
