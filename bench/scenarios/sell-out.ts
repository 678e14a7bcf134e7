import { Redis } from 'ioredis';
import { control } from '../../lambda/queue/control.ts';
import { drain } from '../../lambda/queue/drain.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { connectRedis, type RedisClient } from '../../lambda/queue/redis.ts';
import { sweep } from '../../lambda/queue/sweep.ts';
import { userId } from '../batches.ts';
import { setContender } from '../contenders/floor.ts';
import { fillLine } from '../fill.ts';
import { onOwnRedis } from '../own-redis.ts';
import { startPings } from '../ping.ts';
import { type Contender, ratio, sample, takeTurns } from '../rounds.ts';
import { type SaleFigures, sellOut } from '../sale.ts';
import { type Bench, type Column, type Figure, sampleOf, type Scenario, type Table } from '../scenario.ts';

const ROUNDS = { full: 15, check: 7 };
const OPERATIONS = 10_000;
/** Sales: promotions that end at the same tick, and how many wait in each. Rare ones with much to fill take place less often. */
const SALES = [
  { promotions: 1, waiting: 10_000, times: 5 },
  { promotions: 1, waiting: 100_000, times: 5 },
  { promotions: 1, waiting: 1_000_000, times: 3 },
  { promotions: 100, waiting: 10_000, times: 3 },
];
const PACE = { batchSize: 100, drainIntervalMs: 1000, leaseMs: 60_000, maxInFlight: 1000 };

const columns: Column[] = [
  { name: 'deciding tick', unit: 'µs' },
  { name: 'idle tick', unit: 'µs' },
  { name: 'longest script of the sweep', unit: 'µs' },
  { name: 'whole sweep', unit: 's' },
  { name: 'longest PING', unit: 'ms' },
  { name: 'idle', unit: 'ms' },
  { name: 'above idle', unit: 'ms' },
];

export const scenario: Scenario = {
  name: 'sell-out',
  title: 'Sell-out',
  method:
    'The loop of the deployment, at its default pace, comes to the end of the stock while so many still wait. Server times of scripts are the server’s own, from its slow log with a threshold of 0. PINGs are sent each millisecond from a thread of its own, from the last coupon to the end of the sweep, and then for as long again with nothing to do: that is idle. On two cores, threads that wait for a core make both longer. Until the first user is swept, a phone in line polls and joins again without a pause: the first script of a server that has rested finds its caches cold, and takes five times as long. The idle tick, of a promotion without a line on a rested server, tells what is in that. Sales of one size follow each other, because each begins with an empty server.',
  run: (bench) =>
    onOwnRedis(async (url, watch) => {
      const redis = new Redis(url, { protocol: 2 });
      const client = connectRedis({ url, mode: 'cluster' });
      try {
        const contenders = [setContender(redis, 'pipelined'), sweeping(redis, client)];
        const strict = await takeTurns(bench, watch, contenders, { rounds: ROUNDS[bench.effort], operations: OPERATIONS });
        const figures: Figure[] = [
          { name: 'sweep of a user: server CPU ÷ SET', unit: '×', value: ratio(strict, 'sweep', 'SET', 'serverMicros'), better: 'lower', checked: true },
        ];
        const tables: Table[] = [
          {
            name: 'sweep',
            title: 'Sweep, per user',
            columns: [{ name: 'server CPU', unit: 'µs' }, { name: '÷ SET', unit: '×' }],
            rows: contenders.map(({ name }) => ({
              name,
              values: { 'server CPU': sample(strict, name, 'serverMicros'), '÷ SET': ratio(strict, name, 'SET', 'serverMicros') },
            })),
          },
        ];
        if (bench.effort === 'check') return { tables, figures };
        const sales = await allSales(bench, url, redis, client);
        const million = sales.find(({ promotions, waiting }) => promotions === 1 && waiting === 1_000_000)?.figures ?? [];
        const of = (value: (figures: SaleFigures) => number) => sampleOf(million.map(value));
        figures.push(
          { name: 'sell-out of 1,000,000: server time of the deciding tick', unit: 'µs', value: of(({ decidingMicros }) => decidingMicros), better: 'lower', checked: false },
          { name: 'sell-out of 1,000,000: longest PING above idle', unit: 'ms', value: of(({ pingMs, idlePingMs }) => pingMs - idlePingMs), better: 'lower', checked: false },
          { name: 'sell-out of 1,000,000: whole sweep', unit: 's', value: of(({ sweepMs }) => sweepMs / 1000), better: 'lower', checked: false },
        );
        return { tables: [...tables, saleTable(sales)], figures };
      } finally {
        redis.disconnect();
        client.disconnect();
      }
    }),
};

/** Sweeps users of a promotion that was closed, 500 by 500 as the loop does. */
function sweeping(redis: Redis, client: RedisClient): Contender {
  const promotionOf = (round: number) => `closed-${round}`;
  return {
    name: 'sweep',
    async prepare(round) {
      const promotionId = promotionOf(round);
      await initStock(client, promotionId, 1);
      await fillLine(redis, { promotionId, users: OPERATIONS, idOf: (index) => userId(index, round) });
      await control(client, promotionId, { action: 'close' });
      await drain(client, promotionId, PACE);
    },
    async run(operations, round) {
      for (let swept = 0; swept < operations; ) {
        const { failed } = await sweep(client, promotionOf(round));
        if (failed === 0) throw new Error(`Only ${swept} of ${operations} users could be swept: look at the script.`);
        swept += failed;
      }
    },
  };
}

interface Sales {
  promotions: number;
  waiting: number;
  figures: SaleFigures[];
}

async function allSales(bench: Bench, url: string, redis: Redis, client: RedisClient): Promise<Sales[]> {
  const total = SALES.reduce((sum, { promotions, waiting, times }) => sum + promotions * waiting * times, 0);
  let users = 0;
  const pings = await startPings(url);
  try {
    const all: Sales[] = [];
    for (const { promotions, waiting, times } of SALES) {
      const figures: SaleFigures[] = [];
      for (let time = 0; time < times; time++) {
        bench.progress(`${nameOf({ promotions, waiting })} in line`, users, total);
        figures.push(await sellOut({ redis, client, pings, promotions, waiting, signal: bench.signal }));
        users += promotions * waiting;
      }
      all.push({ promotions, waiting, figures });
    }
    return all;
  } finally {
    await pings.stop();
  }
}

const nameOf = ({ promotions, waiting }: Pick<Sales, 'promotions' | 'waiting'>) =>
  `${promotions === 1 ? '' : `${promotions} promotions of `}${waiting.toLocaleString('en')}`;

const saleTable = (sales: readonly Sales[]): Table => ({
  name: 'sell-out',
  title: 'Sell-out, by users in line',
  columns,
  rows: sales.map((sale) => {
    const of = (value: (figures: SaleFigures) => number) => sampleOf(sale.figures.map(value));
    return {
      name: nameOf(sale),
      values: {
        'deciding tick': of(({ decidingMicros }) => decidingMicros),
        'idle tick': of(({ idleTickMicros }) => idleTickMicros),
        'longest script of the sweep': of(({ longestSweepMicros }) => longestSweepMicros),
        'whole sweep': of(({ sweepMs }) => sweepMs / 1000),
        'longest PING': of(({ pingMs }) => pingMs),
        idle: of(({ idlePingMs }) => idlePingMs),
        'above idle': of(({ pingMs, idlePingMs }) => pingMs - idlePingMs),
      },
    };
  }),
  chart: { kind: 'bars', columns: ['longest PING', 'idle'] },
});
