import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { standIns, writeBundle } from '../../lib/write-bundle.ts';
import { type Bench, type Row, sampleOf, type Scenario, single } from '../scenario.ts';

const ROUNDS = 25;
const PROCESS_TIMEOUT_MS = 60_000;
const BASE = 'ioredis alone';
const functions = ['join', 'status', 'init-stock', 'info', 'control', 'issuer', 'drain-loop'];
const lambdaFolder = path.join(import.meta.dirname, '../../lambda');

/** A complete environment for any function; an import connects to nothing. */
const env = {
  REDIS_URL: 'rediss://nowhere.invalid:6379',
  REDIS_MODE: 'cluster',
  REDIS_AUTH: 'iam:bench@bench',
  USER_FROM: 'token',
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  BATCH_SIZE: '100',
  DRAIN_INTERVAL_MS: '1000',
  MAX_IN_FLIGHT: '1000',
  LEASE_MS: '60000',
  ON_EVICTION: 'refuse',
  QUEUE_URL: 'http://127.0.0.1:1/000000000000/none',
  AWS_REGION: 'us-east-1',
  POWERTOOLS_SERVICE_NAME: 'bench',
  POWERTOOLS_METRICS_NAMESPACE: 'bench',
};

interface Bundle {
  name: string;
  file: string;
  bytes: number;
}

/** The functions as they are deployed, and what they stand on, bundled the same way. */
async function writeBundles(folder: string): Promise<Bundle[]> {
  const ioredis = path.join(folder, 'ioredis.js');
  await writeFile(ioredis, `export { Redis, Cluster } from ${JSON.stringify(createRequire(import.meta.url).resolve('ioredis'))};`);
  const plan: [name: string, entry: string, alias: Record<string, string>][] = [
    [BASE, ioredis, {}],
    ['ioredis with the short list', ioredis, standIns],
    ...functions.map((name): [string, string, Record<string, string>] => [name, path.join(lambdaFolder, `${name}.ts`), standIns]),
  ];
  return Promise.all(
    plan.map(async ([name, entry, alias], i) => {
      const file = path.join(folder, `${i}.cjs`);
      writeBundle(entry, file, alias);
      return { name, file, bytes: (await stat(file)).size };
    }),
  );
}

/** How long a process that has just begun takes to load a file (ms). */
async function importMs(file: string, signal: AbortSignal): Promise<number> {
  const script = `const t = performance.now(); require(${JSON.stringify(file)}); console.log(performance.now() - t); process.exit(0)`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { env, signal, timeout: PROCESS_TIMEOUT_MS });
  return Number(stdout);
}

/** Times of all bundles, by name; each round begins with another one, the first round is not counted. */
async function importTimes(bench: Bench, bundles: readonly Bundle[]): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>(bundles.map(({ name }) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (let turn = 0; turn < bundles.length; turn++) {
      const bundle = bundles[(round + turn) % bundles.length];
      if (!bundle) continue;
      bench.progress(bundle.name, round * bundles.length + turn, (ROUNDS + 1) * bundles.length);
      const ms = await importMs(bundle.file, bench.signal);
      if (round > 0) times.get(bundle.name)?.push(ms);
    }
  }
  return times;
}

export const scenario: Scenario = {
  name: 'cold-start',
  title: 'Cold start',
  method:
    'Each bundle is loaded by a process that has just begun, as Lambda loads it, the bundles in turn. The base is ioredis as it is published, bundled the same way; the quotient is taken round by round.',
  async run(bench) {
    const folder = await mkdtemp(path.join(tmpdir(), 'coupon-queue-bundles-'));
    try {
      const bundles = await writeBundles(folder);
      const sizes = bundles
        .filter(({ name }) => functions.includes(name))
        .map(({ name, bytes }) => ({ name: `bundle of ${name}`, unit: 'bytes', value: single(bytes), better: 'lower', checked: true }) as const);
      if (bench.effort === 'check') return { tables: [], figures: sizes };

      const times = await importTimes(bench, bundles);
      const base = times.get(BASE) ?? [];
      const overBase = (name: string) => sampleOf((times.get(name) ?? []).map((ms, i) => ms / (base[i] ?? Number.NaN)));
      const rows: Row[] = bundles.map(({ name, bytes }) => ({
        name,
        values: { import: sampleOf(times.get(name) ?? []), '÷ ioredis alone': overBase(name), bundle: single(bytes) },
      }));
      return {
        tables: [
          {
            name: 'cold-start',
            title: 'Import of each bundle',
            columns: [
              { name: 'import', unit: 'ms' },
              { name: '÷ ioredis alone', unit: '×' },
              { name: 'bundle', unit: 'bytes' },
            ],
            rows,
            chart: { kind: 'bars', columns: ['import'] },
          },
        ],
        figures: [{ name: 'cold start of join ÷ ioredis alone', unit: '×', value: overBase('join'), better: 'lower', checked: false }, ...sizes],
        notes: [
          'A function can be faster than ioredis alone because its bundle knows only the commands that it sends: lib/stand-ins. The floor is the second row.',
        ],
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
