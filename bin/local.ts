import { join, relative, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { PACE_BOUNDS } from '../lib/context.ts';
import { Failure, firstLine } from '../local/failure.ts';
import { withoutPassword } from '../local/external-redis.ts';
import { onStopAsked } from '../local/stop-asked.ts';
import { startSystem, type Endpoints } from '../local/system.ts';

const PORT_MAX = 65_535;
/** What the CDK app reads; it would not notice any other. */
const CONTEXT_KEYS = ['stage', ...Object.keys(PACE_BOUNDS)];
const DATA_DIR = join(import.meta.dirname, '..', '.local');

function parsePort(value: string): number {
  if (!/^\d{1,5}$/.test(value) || Number(value) > PORT_MAX) {
    throw new InvalidArgumentError(`It must be a whole number from 0 to ${PORT_MAX}.`);
  }
  return Number(value);
}

function readPort(value: string): number {
  try {
    return parsePort(value);
  } catch (error) {
    throw new Failure(`PORT is ${JSON.stringify(value)}, which can't be used: ${firstLine(error)}`);
  }
}

function parseFolder(folder: string): string {
  if (folder === '') throw new InvalidArgumentError('It must name a folder.');
  return resolve(folder);
}

function addContext(entry: string, context: Record<string, string> = {}): Record<string, string> {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(entry) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError('It must be key=value, such as batchSize=1000.');
  if (!CONTEXT_KEYS.includes(key)) throw new InvalidArgumentError(`The key must be one of ${CONTEXT_KEYS.join(', ')}.`);
  return { ...context, [key]: value };
}

function greeting({ apiUrl, redisUrl, sqsEndpoint }: Endpoints, dataDir: string): string {
  const post = (route: string, body: object): string =>
    `  curl -s ${apiUrl}/api/coupon/queue/${route} -H 'content-type: application/json' -d '${JSON.stringify(body)}'`;
  return [
    `The coupon queue is ready at ${apiUrl} (Redis ${withoutPassword(redisUrl)}, SQS ${sqsEndpoint}; logs in ${relative('.', join(dataDir, 'logs'))}).`,
    'Try it:',
    post('init-stock', { promotionId: 1, stock: 100 }),
    post('join', { promotionId: 1, userId: 100 }),
    `  curl -s '${apiUrl}/api/coupon/queue/status?promotionId=1&userId=100'`,
    'Stop it with Ctrl-C.',
  ].join('\n');
}

async function run(options: { context: Record<string, string>; port: number; dataDir: string }): Promise<void> {
  const stopping = new AbortController();
  const stopAsked = new Promise<undefined>((resolve) => {
    onStopAsked(() => {
      stopping.abort();
      resolve(undefined);
    });
  });
  const start = startSystem({
    ...options,
    redisUrl: process.env.REDIS_URL || undefined,
    log: (line) => console.error(line),
    signal: stopping.signal,
  });
  const system = await start.catch((error: unknown) => {
    if (stopping.signal.aborted) return undefined;
    throw error;
  });
  if (system === undefined) return;
  console.log(greeting(system.endpoints, options.dataDir));
  const failure = await Promise.race([stopAsked, system.failed]);
  console.log('Stopping …');
  await system.stop();
  if (failure !== undefined) throw new Error(failure);
}

const program = new Command('npm start --')
  .description('Runs the deployed system on this machine.')
  .option('-c, --context <key=value>', 'CDK context, such as stage=prod or batchSize=1000; may be repeated', addContext)
  .option('--port <port>', 'port of the API (PORT, or 3000); 0 takes a free one', parsePort)
  .option('--data-dir <folder>', 'where everything is kept that outlives a run', parseFolder, DATA_DIR);

try {
  program.parse();
  const { context = {}, port, dataDir } = program.opts<{ context?: Record<string, string>; port?: number; dataDir: string }>();
  await run({ context, dataDir, port: port ?? readPort(process.env.PORT || '3000') });
  process.exitCode = 0;
} catch (error) {
  console.error(firstLine(error));
  process.exitCode = 1;
}
