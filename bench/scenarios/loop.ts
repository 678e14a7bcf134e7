import { Redis } from 'ioredis';
import { control } from '../../lambda/queue/control.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { fillLine } from '../fill-line.ts';
import { startLoopAndIssuer, type LoopAndIssuer } from '../loop-and-issuer.ts';
import { inOwnFolder } from '../own-folder.ts';
import { onOwnRedis } from '../own-redis.ts';
import { processCpuMicros } from '../process-cpu.ts';
import { watchSale } from '../sale-watch.ts';
import { sampleOf, type Column, type Row, type Scenario } from '../scenario.ts';
import type { ServerWatch } from '../server-cost.ts';

const BATCH_SIZE = 1000;
const INTERVAL_MS = 50;
/** The loop asks for promotions that are new once in an interval; a sale begins when it knows them. */
const KNOWN_AFTER_MS = 4 * INTERVAL_MS;

/** A sale: so many promotions at once, each with so many batches in line. */
interface Sale {
  name: string;
  promotions: number;
  batches: number;
  rounds: number;
}
const PACED: Sale = { name: 'one promotion', promotions: 1, batches: 60, rounds: 5 };
const UNPACED: Sale = { name: '20 promotions', promotions: 20, batches: 6, rounds: 3 };

const columns: Column[] = [
  { name: 'rate', unit: '/s' },
  { name: 'of the pace', unit: '×' },
  { name: 'batch period', unit: 'ms' },
  { name: 'server CPU', unit: 'µs' },
  { name: 'loop CPU', unit: 'µs' },
  { name: 'issuer CPU', unit: 'µs' },
  { name: 'SQS CPU', unit: 'µs' },
];

type Measurement = Record<string, number>;

export const scenario: Scenario = {
  name: 'loop',
  title: 'One loop and one issuer through SQS',
  method:
    'The bundles of the drain loop and of the issuer, one process each, with the SQS emulator and its event source in a third; batches of 1,000 users each 50 ms, ten messages each. The rate is users ÷ time from the first admission to the last coupon. CPU is per user.',
  run: (bench) =>
    onOwnRedis((url, server) =>
      inOwnFolder(async (folder) => {
        const redis = new Redis(url, { protocol: 2 });
        const context = { batchSize: String(BATCH_SIZE), drainIntervalMs: String(INTERVAL_MS) };
        const pair = await startLoopAndIssuer(url, folder, context);
        try {
          const rows: Row[] = [];
          const all = PACED.rounds + UNPACED.rounds + 2;
          let done = 0;
          for (const sale of [PACED, UNPACED]) {
            const rounds: Measurement[] = [];
            // The first one is a warm-up.
            for (let round = 0; round <= sale.rounds; round++) {
              bench.signal.throwIfAborted();
              bench.progress(sale.name, done++, all);
              const measured = await measureSale(redis, server, pair, sale, bench.signal);
              if (round > 0) rounds.push(measured);
            }
            rows.push({ name: sale.name, values: Object.fromEntries(columns.map(({ name }) => [name, sampleOf(rounds.map((values) => values[name] ?? Number.NaN))])) });
          }
          return {
            tables: [{ name: 'loop', title: 'One loop and one issuer', columns, rows }],
            notes: [
              `At most one batch may be admitted in ${INTERVAL_MS} ms: ${((BATCH_SIZE / INTERVAL_MS) * 1000).toLocaleString('en-US')} users/s of one promotion, and a batch period of ${INTERVAL_MS} ms. (${PACED.batches} batches span ${PACED.batches - 1} intervals, so the rate may come out a little higher.) 20 promotions may be twenty times as fast: there the processes are the limit. What SQS takes of it alone stands under the scenario sqs.`,
            ],
            figures: [
              {
                name: 'one loop and one issuer through SQS: users per second',
                unit: '/s',
                value: rows[0]?.values.rate ?? sampleOf([]),
                better: 'higher',
                checked: false,
              },
            ],
          };
        } finally {
          await pair.stop();
          redis.disconnect();
        }
      }),
    ),
};

async function measureSale(redis: Redis, server: ServerWatch, pair: LoopAndIssuer, sale: Sale, signal: AbortSignal): Promise<Measurement> {
  await redis.flushdb();
  const ids = Array.from({ length: sale.promotions }, (_, i) => `sale${i}`);
  const users = sale.promotions * sale.batches * BATCH_SIZE;
  for (const id of ids) {
    await initStock(redis, id, sale.batches * BATCH_SIZE);
    await control(redis, id, { action: 'pause' });
    await fillLine(redis, id, sale.batches * BATCH_SIZE);
  }
  await new Promise((resolve) => void setTimeout(resolve, KNOWN_AFTER_MS));
  const before = await costs(server, pair);
  const watching = watchSale(redis, ids, users, signal);
  for (const id of ids) await control(redis, id, { action: 'resume' });
  const { beganAt, admittedAt, issuedAt } = await watching;
  const after = await costs(server, pair);
  const paceMs = (sale.batches - 1) * INTERVAL_MS;
  return {
    rate: (users / (issuedAt - beganAt)) * 1000,
    'of the pace': paceMs / (admittedAt - beganAt),
    'batch period': (admittedAt - beganAt) / (sale.batches - 1),
    ...Object.fromEntries(Object.entries(after).map(([name, micros]) => [name, (micros - (before[name] ?? 0)) / users])),
  };
}

/** CPU of each so far (µs). */
async function costs(server: ServerWatch, { loopPid, issuerPid }: LoopAndIssuer): Promise<Record<string, number>> {
  const { user, system } = process.cpuUsage();
  return {
    'server CPU': (await server.cost()).cpuMicros,
    'loop CPU': processCpuMicros(loopPid),
    'issuer CPU': processCpuMicros(issuerPid),
    'SQS CPU': user + system,
  };
}
