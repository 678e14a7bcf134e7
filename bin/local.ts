import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { folder } from '../bench/option-values.ts';
import { CONTEXT_KEYS } from '../lib/context.ts';
import { Failure, firstLine } from '../local/failure.ts';
import { greeting } from '../local/greeting.ts';
import { onStopAsked } from '../local/stop-asked.ts';
import { startSystem } from '../local/system.ts';

const PORT_MAX = 65_535;
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

/** The CDK app would not notice any other key. */
function addContext(entry: string, context: Record<string, string> = {}): Record<string, string> {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(entry) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError('It must be key=value, such as batchSize=1000.');
  if (!CONTEXT_KEYS.includes(key)) throw new InvalidArgumentError(`The key must be one of ${CONTEXT_KEYS.join(', ')}.`);
  return { ...context, [key]: value };
}

interface Options {
  context?: Record<string, string>;
  port?: number;
  dataDir: string;
  auth: 'none' | 'jwt';
}

async function run(options: Options & { port: number }): Promise<void> {
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
  console.log(greeting(system, options.dataDir, DATA_DIR));
  const failure = await Promise.race([stopAsked, system.failed]);
  console.log('Stopping …');
  await system.stop();
  if (failure !== undefined) throw new Error(failure);
}

const program = new Command('npm start --')
  .description('Runs the deployed system on this machine.')
  .option('-c, --context <key=value>', 'CDK context, such as stage=prod or batchSize=1000; may be repeated', addContext)
  .option('--port <port>', 'port of the API (PORT, or 3000); 0 takes a free one', parsePort)
  .addOption(
    new Option('--auth <kind>', 'jwt: users need tokens and operators sign, as in prod; npm run token makes both').choices(['none', 'jwt']).default('none'),
  )
  .option('--data-dir <folder>', 'where everything is kept that outlives a run', folder, DATA_DIR);

try {
  program.parse();
  const options = program.opts<Options>();
  await run({ ...options, port: options.port ?? readPort(process.env.PORT || '3000') });
  process.exitCode = 0;
} catch (error) {
  console.error(firstLine(error));
  process.exitCode = 1;
}
