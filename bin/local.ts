import { join, relative, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { firstLine } from '../local/failure.ts';
import { withoutPassword } from '../local/external-redis.ts';
import { startSystem, type Endpoints } from '../local/system.ts';

const PORT_MAX = 65_535;
/** More than all parts of a stop may take together; a start that is stopped may be in the middle of a download. */
const STOP_TIMEOUT_MS = 20_000;
const SECOND_ASK_AFTER_MS = 300;
const DATA_DIR = join(import.meta.dirname, '..', '.local');

function parsePort(value: string): number {
  if (!/^\d{1,5}$/.test(value) || Number(value) > PORT_MAX) {
    throw new InvalidArgumentError(`It must be a whole number from 0 to ${PORT_MAX}.`);
  }
  return Number(value);
}

function addContext(entry: string, context: Record<string, string>): Record<string, string> {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(entry) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError('It must be key=value, such as batchSize=1000.');
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
    let askedAtMs = 0;
    const ask = (): void => {
      // Whoever asks twice does not want to wait; everything that was started notices that this process is gone.
      // One Ctrl-C may arrive twice at once, from the terminal and from npm.
      if (stopping.signal.aborted && performance.now() - askedAtMs > SECOND_ASK_AFTER_MS) process.exit(1);
      if (stopping.signal.aborted) return;
      askedAtMs = performance.now();
      stopping.abort();
      resolve(undefined);
      setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
    };
    process.on('SIGINT', ask).on('SIGTERM', ask).on('SIGHUP', ask);
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
  .option('-c, --context <key=value>', 'CDK context, such as stage=prod or batchSize=1000; may be repeated', addContext, {})
  .option('--port <port>', 'port of the API (PORT, or 3000); 0 takes a free one', parsePort)
  .option('--data-dir <folder>', 'where everything is kept that outlives a run', (folder) => resolve(folder), DATA_DIR);

try {
  program.parse();
  const { context, port, dataDir } = program.opts<{ context: Record<string, string>; port?: number; dataDir: string }>();
  await run({ context, dataDir, port: port ?? parsePort(process.env.PORT || '3000') });
  process.exitCode = 0;
} catch (error) {
  console.error(error instanceof InvalidArgumentError ? `PORT is wrong: ${error.message}` : firstLine(error));
  process.exitCode = 1;
}
