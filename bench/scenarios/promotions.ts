import { Redis } from 'ioredis';
import { drainLoop, STOP_BEFORE_DEADLINE_MS } from '../../lambda/queue/drain-loop.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { connectRedis, type RedisClient } from '../../lambda/queue/redis.ts';
import { userId } from '../batches.ts';
import { setContender } from '../contenders/floor.ts';
import { fillLine } from '../fill.ts';
import { onOwnRedis } from '../own-redis.ts';
import { type Contender, type Measured, ratio, sample, takeTurns } from '../rounds.ts';
import type { Bench, Column, Figure, Sample, Scenario, Table } from '../scenario.ts';

const COUNTS = { full: [1, 10, 100, 1000], check: [1000] };
const ROUNDS = { full: 5, check: 5 };
const MANY = 1000;
/** Ticks of one round; the interval between them is short so that they come soon, and long enough for each to be over. */
const TICKS = 5;
const INTERVAL_MS = 200;
const SETS = 10_000;
/** Users that each promotion admits in a tick while it sells. */
const BATCH_SIZE = 10;
const STOCK = 1_000_000;
const LOOP_TIMEOUT_MS = 30_000;

const columns: Column[] = [
  { name: 'idle: server CPU', unit: 'ms' },
  { name: 'without a loop', unit: 'ms' },
  { name: 'idle: loop CPU', unit: 'ms' },
  { name: 'a promotion ÷ SET', unit: '×' },
  { name: 'selling: server CPU', unit: 'ms' },
  { name: 'selling: loop CPU', unit: 'ms' },
];

export const scenario: Scenario = {
  name: 'promotions',
  title: 'Promotions',
  method:
    `CPU of one tick over all promotions, by the loop of the deployment at an interval of ${INTERVAL_MS} ms. Idle: nobody in line. Selling: each promotion admits ${BATCH_SIZE} users a tick, who are issued by the same process at once. Without a loop is what the server takes in as much time by itself; it is part of the figures. A promotion ÷ SET: server CPU of a tick for each promotion, in SETs of a new key, pipelined.`,
  async run(bench) {
    const rows = new Map<number, Measured>();
    for (const count of COUNTS[bench.effort]) rows.set(count, await measurePromotions(bench, count));
    const many = rows.get(MANY) ?? new Map();
    const figures: Figure[] = [
      { name: '1,000 idle promotions: server CPU per tick', unit: 'ms', value: times(sample(many, 'idle', 'serverMicros'), 1 / 1000), better: 'lower', checked: false },
      { name: '1,000 idle promotions: server CPU per tick and promotion ÷ SET', unit: '×', value: times(ratio(many, 'idle', 'SET', 'serverMicros'), 1 / MANY), better: 'lower', checked: true },
    ];
    return { tables: bench.effort === 'check' ? [] : [tableOf(rows)], figures };
  },
};

const times = ({ median, min, max }: Sample, factor: number): Sample => ({ median: median * factor, min: min * factor, max: max * factor });

const measurePromotions = (bench: Bench, count: number): Promise<Measured> =>
  onOwnRedis(async (url, watch) => {
    const redis = new Redis(url, { protocol: 2 });
    const client = connectRedis({ url, mode: 'cluster' });
    try {
      await Promise.all(Array.from({ length: count }, (_, index) => initStock(client, promotionOf(index), STOCK)));
      const contenders: Contender[] = [
        { ...setContender(redis, 'pipelined'), operations: SETS },
        { name: 'without a loop', run: (ticks) => new Promise((resolve) => void setTimeout(resolve, ticks * INTERVAL_MS)) },
        { name: 'idle', run: (ticks) => runTicks(client, ticks), prepare: untilDue },
      ];
      const plan = { rounds: ROUNDS[bench.effort], operations: TICKS };
      const idle = await takeTurns(bench, watch, contenders, plan);
      if (bench.effort === 'check') return idle;
      // Twice as many as the ticks take, so that no line ends: where one lasts longer than the interval, promotions are drained more often.
      const users = 2 * (plan.rounds + 1) * (TICKS + 1) * BATCH_SIZE;
      for (let index = 0; index < count; index++) {
        bench.progress(`people for ${count} promotions`, index, count);
        await fillLine(redis, { promotionId: promotionOf(index), users, idOf: (user) => userId(user, 0), signal: bench.signal });
      }
      const selling = await takeTurns(bench, watch, [{ name: 'selling', run: (ticks) => runTicks(client, ticks), prepare: untilDue }], plan);
      return new Map([...idle, ...selling]);
    } finally {
      redis.disconnect();
      client.disconnect();
    }
  });

const promotionOf = (index: number) => `promotion-${index}`;

/** Else the first tick would ask each promotion twice. */
const untilDue = () => new Promise<void>((resolve) => void setTimeout(resolve, INTERVAL_MS));

/** Runs the loop until it has completed so many ticks. */
async function runTicks(client: RedisClient, ticks: number): Promise<void> {
  let left = ticks;
  const startedAtMs = performance.now();
  const quiet = () => undefined;
  await drainLoop({
    redis: client,
    send: async ({ promotionId, userIds }) => void (await issue(client, promotionId, userIds)),
    pace: { batchSize: BATCH_SIZE, drainIntervalMs: INTERVAL_MS, leaseMs: 60_000, maxInFlight: 10 * BATCH_SIZE },
    shard: 0,
    shards: 1,
    remainingMs: () => (left > 0 && performance.now() - startedAtMs < LOOP_TIMEOUT_MS ? STOP_BEFORE_DEADLINE_MS + LOOP_TIMEOUT_MS : 0),
    report: {
      ticked: () => void (left -= 1),
      visited: () => {},
      admitted: quiet,
      resent: quiet,
      swept: quiet,
      dropped: quiet,
      failed(_, error) {
        throw error;
      },
    },
  });
  if (left > 0) throw new Error(`The loop completed ${ticks - left} of ${ticks} ticks in ${LOOP_TIMEOUT_MS / 1000} s: run it again on a machine with nothing else to do.`);
}

const tableOf = (rows: ReadonlyMap<number, Measured>): Table => ({
  name: 'promotions',
  title: 'One tick, by promotions',
  columns,
  rows: [...rows].map(([count, measured]) => {
    const ms = (name: string, value: 'serverMicros' | 'clientMicros') => times(sample(measured, name, value), 1 / 1000);
    return {
      name: count.toLocaleString('en'),
      values: {
        'idle: server CPU': ms('idle', 'serverMicros'),
        'without a loop': ms('without a loop', 'serverMicros'),
        'idle: loop CPU': ms('idle', 'clientMicros'),
        'a promotion ÷ SET': times(ratio(measured, 'idle', 'SET', 'serverMicros'), 1 / count),
        'selling: server CPU': ms('selling', 'serverMicros'),
        'selling: loop CPU': ms('selling', 'clientMicros'),
      },
    };
  }),
  chart: { kind: 'lines', columns: ['idle: server CPU', 'idle: loop CPU', 'selling: server CPU', 'selling: loop CPU'], logarithmic: true },
});
