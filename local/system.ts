import { rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readAssembly } from './assembly.ts';
import type { Auth } from './auth-file.ts';
import { startEventSource, type EventSource } from './event-source.ts';
import { inspectRedis } from './external-redis.ts';
import { Failure, firstLine } from './failure.ts';
import { provideFolder } from './folders.ts';
import { openFunctionLog } from './function-log.ts';
import { createFunctionPool, type FunctionPool } from './function-pool.ts';
import { openGate } from './gate.ts';
import { checkPort, startHttpApi } from './http-api.ts';
import { lockDataDir } from './lock.ts';
import { startReaper } from './reaper.ts';
import { startRedis } from './redis-server.ts';
import { localEnvironment, localQueueUrl, type LocalEndpoints } from './replacements.ts';
import { startRuntimeApi } from './runtime-api.ts';
import { startSchedule } from './schedule.ts';
import { startSqs } from './sqs.ts';
import { synthesize } from './synth.ts';
import { readTemplate, type FunctionModel, type SystemModel } from './template.ts';

export interface SystemOptions {
  /** Everything that the system keeps is in this folder; one system at a time may have it. */
  dataDir: string;
  /** Port of the API on the loopback interface; 0 for any. */
  port: number;
  /** CDK context, such as `{ stage: 'dev', batchSize: '1000' }`. */
  context?: Record<string, string>;
  /** `jwt`: users need tokens and operators sign, in a stage that is otherwise open too. */
  auth?: 'none' | 'jwt';
  /** A cloud assembly that is there already; without it the CDK app is synthesized. */
  assemblyDir?: string;
  /** A Redis that someone else runs; without it one is started, with its data in `dataDir`. */
  redisUrl?: string | undefined;
  /** Takes sentences for the terminal. */
  log?: (line: string) => void;
  /** Breaks the start off; what has been started is stopped. */
  signal?: AbortSignal;
}

/** Where the system can be reached. */
export interface Endpoints {
  apiUrl: string;
  redisUrl: string;
  sqsEndpoint: string;
  queueUrl: string;
  deadLetterQueueUrl: string;
}

export interface System {
  apiUrl: string;
  endpoints: Endpoints;
  /** The keys of a system that takes tokens and signatures; `undefined` if it is open to anyone. */
  auth: Auth | undefined;
  /** Takes no more requests, lets the loop and the issuer finish what is under way, and ends everything, within seconds. */
  stop(): Promise<void>;
  /** A sentence that says why the system can't go on, if it comes to that. It still has to be stopped. */
  failed: Promise<string>;
}

const REPOSITORY_DIR = fileURLToPath(new URL('..', import.meta.url));
/** Processes of a function behind the API, or batches in a function behind a queue: one machine has no use for more. */
const PROCESSES_PER_FUNCTION_MIN = 2;
const PROCESSES_PER_FUNCTION_MAX = 4;
/** Runs of one shard that overlap: rules may start late, and a run lives past the next start. */
const RUNS_PER_TARGET = 2;
const SPARE_RUNS = 1;
/** In whose name tokens are issued where the stage names nobody; no such host exists. */
const LOCAL_ISSUER = { issuer: 'https://issuer.local.invalid', audience: 'coupon-queue-local' };
/** Who is woken, as prod asks; no such address exists, and a local run wakes nobody. */
const LOCAL_ALARMS = { alarmEmail: 'on-call@local.invalid' };
/** For this user only: the Redis URL may hold a password. */
const ENDPOINTS_MODE = 0o600;
/** How long a batch may wait for a process of its function, which is starting. */
const BATCH_WAIT_MS = 30_000;
// How long each may take to end on a stop; together they are what a stop takes at most, but usually it is half a second.
const API_GRACE_MS = 3_000;
const LOOP_GRACE_MS = 3_000;
const QUEUE_DRAIN_MS = 2_000;
const FUNCTION_GRACE_MS = 1_000;

/**
 * Runs what the CDK app's template deploys on this machine: routes, functions, schedules, queues and event sources, over a
 * real Redis and an SQS emulator. Nothing that it starts outlives this process.
 * @throws Failure with one sentence if it can't; nothing is left running then.
 */
export async function startSystem(options: SystemOptions): Promise<System> {
  const cleanups: (() => void | Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) {
      try {
        await cleanup();
      } catch (error) {
        // The others still have to be stopped.
        options.log?.(`Stopping went wrong: ${firstLine(error)}`);
      }
    }
  };
  try {
    return await startParts(options, cleanups, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(
  options: SystemOptions,
  cleanups: (() => void | Promise<void>)[],
  stop: () => Promise<void>,
): Promise<System> {
  const { dataDir, log = () => {}, signal } = options;
  cleanups.push(lockDataDir(dataDir));
  const endpointsFile = join(dataDir, 'endpoints.json');
  // A run that was killed leaves its own behind.
  rmSync(endpointsFile, { force: true });
  await checkPort(options.port);
  for (const name of ['sqs', 'logs', ...(options.redisUrl === undefined ? ['redis'] : [])]) provideFolder(join(dataDir, name));

  const [model, redis] = await bothOrNeither(() => readModel(options), () => provideRedis(options, cleanups));
  signal?.throwIfAborted();
  const sqs = await startSqs({ dataDir: join(dataDir, 'sqs'), queues: model.queues });
  cleanups.push(() => sqs.stop());

  const queueIds = model.queues.map(({ id }) => id);
  const functions = await preparePools(model, { redisUrl: redis.url, redisMode: redis.mode, sqsEndpoint: sqs.endpoint, queueIds }, options, cleanups);
  const pool = (id: string): FunctionPool => functions.get(id) as FunctionPool;

  const gate = await openGate(model.routes, dataDir);
  cleanups.push(() => gate.stop());
  const gateLog = openFunctionLog(join(dataDir, 'logs'), 'gateway', log);
  cleanups.push(() => gateLog.close());
  const api = await startHttpApi(
    model.routes.map((route) => ({
      ...route,
      admit: gate.admitOf(route.admission),
      invoke: (payload, waitMsMax) => pool(route.functionId).invoke(payload, waitMsMax),
    })),
    options.port,
    { cors: model.cors, refused: (sentence) => gateLog.note(sentence) },
  );
  const eventSources = model.eventSources.map((source): EventSource => {
    return startEventSource({
      ...source,
      client: sqs.client,
      queueUrl: localQueueUrl(sqs.endpoint, source.queueId),
      queueArn: model.queues.find(({ id }) => id === source.queueId)?.arn ?? '',
      pollers: processesOf(source.functionId, model),
      invoke: (payload) => pool(source.functionId).invoke(payload, BATCH_WAIT_MS),
      endPolls: () => sqs.endPolls(),
      log,
    });
  });
  const schedules = model.schedules.map(({ targets, periodMs }) =>
    startSchedule(
      targets.map(({ functionId, input, waitMsMax }) => ({ input, invoke: (payload) => pool(functionId).invoke(payload, waitMsMax) })),
      periodMs,
      log,
    ),
  );
  const scheduled = new Set(model.schedules.flatMap(({ targets }) => targets.map(({ functionId }) => functionId)));
  // From the source of work to its end: first requests and loops, then what they have put into queues.
  cleanups.push(async () => {
    for (const schedule of schedules) schedule.stop();
    await Promise.all([api.stop(API_GRACE_MS), ...[...scheduled].map((id) => pool(id).stop(LOOP_GRACE_MS))]);
    await Promise.all(eventSources.map((source) => source.stop(QUEUE_DRAIN_MS)));
  });

  const endpoints = endpointsOf(model, api.url, redis.url, sqs.endpoint);
  writeFileSync(endpointsFile, `${JSON.stringify(endpoints, undefined, 2)}\n`, { mode: ENDPOINTS_MODE });
  cleanups.push(() => rmSync(endpointsFile, { force: true }));
  return { apiUrl: api.url, endpoints, auth: gate.auth, stop, failed: redis.failed };
}

/** Runs two starts at once; if one fails, the other is still waited for, so that its cleanup is known. */
async function bothOrNeither<A, B>(first: () => Promise<A>, second: () => Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first(), second()]);
  if (a.status === 'rejected') throw a.reason;
  if (b.status === 'rejected') throw b.reason;
  return [a.value, b.value];
}

async function readModel(options: SystemOptions): Promise<SystemModel> {
  if (options.assemblyDir !== undefined) return readTemplate(readAssembly(options.assemblyDir));
  const outDir = join(options.dataDir, 'assembly');
  const context = { stage: 'dev', ...LOCAL_ALARMS, ...(options.auth === 'jwt' ? LOCAL_ISSUER : {}), ...options.context };
  await synthesize({ repositoryDir: REPOSITORY_DIR, outDir, context, signal: options.signal });
  return readTemplate(readAssembly(outDir));
}

interface ProvidedRedis {
  url: string;
  mode: 'cluster' | 'single';
  failed: Promise<string>;
}

async function provideRedis(options: SystemOptions, cleanups: (() => void | Promise<void>)[]): Promise<ProvidedRedis> {
  if (options.redisUrl !== undefined) {
    const { mode, warnings } = await inspectRedis(options.redisUrl);
    for (const warning of warnings) options.log?.(`Warning: ${warning}`);
    return { url: options.redisUrl, mode, failed: new Promise(() => {}) };
  }
  const redis = await startRedis({ dataDir: join(options.dataDir, 'redis'), appendOnly: true });
  let stopping = false;
  cleanups.push(() => {
    stopping = true;
    return redis.stop();
  });
  const failed = new Promise<string>((resolve) => {
    void redis.exited.then((sentence) => (stopping ? undefined : resolve(`${sentence} The local run can't go on without it: start it again.`)));
  });
  return { url: redis.url, mode: 'cluster', failed };
}

/** The most processes of a function: enough for its overlapping runs if it is on a schedule, else what the machine bears. */
function processesOf(functionId: string, model: SystemModel): number {
  const targets = model.schedules.flatMap(({ targets }) => targets).filter((target) => target.functionId === functionId).length;
  if (targets > 0) return targets * RUNS_PER_TARGET + SPARE_RUNS;
  const source = model.eventSources.find((candidate) => candidate.functionId === functionId);
  const forMachine = Math.min(PROCESSES_PER_FUNCTION_MAX, Math.max(PROCESSES_PER_FUNCTION_MIN, availableParallelism()));
  return Math.min(forMachine, source?.concurrencyMax ?? forMachine);
}

async function preparePools(
  model: SystemModel,
  endpoints: LocalEndpoints,
  options: SystemOptions,
  cleanups: (() => void | Promise<void>)[],
): Promise<Map<string, FunctionPool>> {
  const reaper = startReaper();
  cleanups.push(() => reaper.stop());
  const runtimeApi = await startRuntimeApi();
  cleanups.push(() => runtimeApi.stop());
  const pools = model.functions.map((spec: FunctionModel): [string, FunctionPool] => {
    const environment = localEnvironment(spec, endpoints);
    const log = openFunctionLog(join(options.dataDir, 'logs'), spec.name, options.log ?? (() => {}));
    const pool = createFunctionPool({ ...spec, environment }, processesOf(spec.id, model), { runtimeApi, reaper, log });
    cleanups.push(() => log.close());
    return [spec.id, pool];
  });
  cleanups.push(async () => void (await Promise.all(pools.map(([, pool]) => pool.stop(FUNCTION_GRACE_MS)))));
  return new Map(pools);
}

function endpointsOf(model: SystemModel, apiUrl: string, redisUrl: string, sqsEndpoint: string): Endpoints {
  const source = model.eventSources[0]?.queueId;
  const dead = model.queues.find(({ id, attributes }) => id !== source && attributes.RedrivePolicy === undefined)?.id;
  if (source === undefined || dead === undefined) {
    throw new Failure('The local run wants a queue with an event source, and a dead-letter queue: the template lacks them.');
  }
  return {
    apiUrl,
    redisUrl,
    sqsEndpoint,
    queueUrl: localQueueUrl(sqsEndpoint, source),
    deadLetterQueueUrl: localQueueUrl(sqsEndpoint, dead),
  };
}
