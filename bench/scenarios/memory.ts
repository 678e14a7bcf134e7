import { Redis } from 'ioredis';
import { connectRedis } from '../../lambda/queue/redis.ts';
import { onOwnRedis } from '../own-redis.ts';
import { bullmqJobs, completed, failed, listAndStatus, type Population, type Server, settle, waiting } from '../populations.ts';
import { type Bench, type Figure, sampleOf, type Scenario, single, type Table } from '../scenario.ts';

/** Hash tables double at powers of two; so many populations, at equal ratios, make one doubling. */
const POINTS_PER_DOUBLING = 8;
/** Figures belong to so many users, by whom tables are filled to 95 %, as by 1,000,000. */
const USERS = { full: 250_000, check: 125_000 };
/** One doubling around that, and what the chart shows. */
const DOUBLING = { from: 200_000, to: 400_000 };
const CHART = { from: 50_000, to: 400_000 };

type Open = (server: Server) => Promise<Population> | Population;

/** Whose saw-tooth is drawn. */
const CHARTED = ['waiting, 12-character ids', 'List and status alone, 12-character ids'];
const CHECKED: Open[] = [(server) => waiting(server, '12-character ids'), (server) => waiting(server, 'uuids'), completed, failed];
const SHOWN: Open[] = [...CHECKED, (server) => listAndStatus(server, '12-character ids'), (server) => listAndStatus(server, 'uuids'), bullmqJobs];

export const scenario: Scenario = {
  name: 'memory',
  title: 'Memory',
  method:
    'Bytes that the server has in use, without its connections, after so many users minus after the first, in cluster mode, each kind on a server of its own. Users come by real joins, ticks, issues and sweeps; promotion id sale-1. Hash tables double at powers of two and are paid for by those who are there, so bytes per user follow a saw-tooth: figures belong to 250,000 users, by whom tables are filled to 95 %, as by 1,000,000; beside them what it is over a whole doubling (200,000 to 367,000, at equal ratios). Tables that have just doubled have finished moving.',
  async run(bench) {
    const users = USERS[bench.effort];
    const measured: Measured[] = [];
    for (const open of bench.effort === 'check' ? CHECKED : SHOWN) {
      measured.push(await perUser(bench, open, (name) => (bench.effort === 'check' ? [users] : [...points(CHARTED.includes(name) ? CHART : DOUBLING), users].toSorted((a, b) => a - b))));
    }
    const bytesOf = (name: string) => measured.find((each) => each.name === name)?.series.get(users) ?? Number.NaN;
    const figure = (name: string, value: number): Figure => ({ name, unit: 'bytes', value: single(value), better: 'lower', checked: true });
    const figures = [
      figure('waiting user, 12-character ids', bytesOf('waiting, 12-character ids')),
      figure('waiting user, uuids', bytesOf('waiting, uuids')),
      figure('finished user, 12-character ids', Math.max(bytesOf('COMPLETED, 12-character ids'), bytesOf('FAILED, 12-character ids'))),
    ];
    return bench.effort === 'check' ? { tables: [], figures } : { tables: [tableOf(measured, users), byPopulation(measured)], figures, notes: NOTES };
  },
};

const NOTES = [
  'The finished user is the larger of COMPLETED and FAILED.',
  'The promotion’s id stands in the status key of each of its users: one of more than 10 letters costs another size class of the allocator, 16 bytes; with uuids one of 1 or 2 letters saves as much.',
  'BullMQ also keeps a stream of events, of constant length.',
];

interface Measured {
  name: string;
  /** Bytes per user, by the number of users. */
  series: Map<number, number>;
}

/** Populations at equal ratios, the last one left out. */
function points({ from, to }: { from: number; to: number }): number[] {
  const count = Math.round(Math.log2(to / from) * POINTS_PER_DOUBLING);
  return Array.from({ length: count }, (_, i) => Math.round(from * 2 ** (i / POINTS_PER_DOUBLING)));
}

const perUser = (bench: Bench, open: Open, populationsOf: (name: string) => readonly number[]): Promise<Measured> =>
  onOwnRedis(async (url, watch) => {
    const redis = new Redis(url, { protocol: 2 });
    const client = connectRedis({ url, mode: 'cluster' });
    try {
      const population = await open({ url, redis, client });
      // With the first user come the scripts, which stay as they are.
      await population.grow(0, 1);
      const before = await watch.cost();
      const populations = populationsOf(population.name);
      const series = new Map<number, number>();
      let present = 1;
      for (const users of populations) {
        bench.signal.throwIfAborted();
        bench.progress(population.name, present, populations.at(-1) ?? 1);
        await population.grow(present, users);
        present = users;
        await settle(redis, population, users);
        series.set(users, ((await watch.cost()).usedBytes - before.usedBytes) / (users - 1));
      }
      await population.close?.();
      return { name: population.name, series };
    } finally {
      redis.disconnect();
      client.disconnect();
    }
  });

const tableOf = (measured: readonly Measured[], users: number): Table => ({
  name: 'memory-per-user',
  title: 'Memory per user',
  columns: [{ name: 'at 250,000', unit: 'bytes' }, { name: 'over a doubling', unit: 'bytes' }],
  rows: measured.map(({ name, series }) => ({
    name,
    values: { 'at 250,000': single(series.get(users) ?? Number.NaN), 'over a doubling': sampleOf(points(DOUBLING).map((point) => series.get(point) ?? Number.NaN)) },
  })),
  chart: { kind: 'bars', columns: ['at 250,000'] },
});

function byPopulation(measured: readonly Measured[]): Table {
  const charted = measured.filter(({ name }) => CHARTED.includes(name));
  return {
    name: 'memory-by-population',
    title: 'Bytes per user, by users in line',
    columns: charted.map(({ name }) => ({ name, unit: 'bytes' })),
    rows: points(CHART).map((users) => ({
      name: users.toLocaleString('en'),
      values: Object.fromEntries(charted.map(({ name, series }) => [name, single(series.get(users) ?? Number.NaN)])),
    })),
    chart: { kind: 'lines', columns: CHARTED },
  };
}
