import { Redis } from 'ioredis';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { userStatusKey } from '../../lambda/queue/keys.ts';
import { connectRedis, type RedisClient } from '../../lambda/queue/redis.ts';
import { status } from '../../lambda/queue/status.ts';
import { userId } from '../batches.ts';
import { fillLine } from '../fill.ts';
import { onOwnRedis } from '../own-redis.ts';
import { type Contender, type Measured, ratio, sample, takeTurns } from '../rounds.ts';
import { type Bench, type Column, type Figure, type Scenario, single, type Table } from '../scenario.ts';
import type { ServerWatch } from '../server-cost.ts';

const COUNTS = { full: [1, 10, 100, 1000, 5000], check: [100] };
const ROUNDS = { full: 5, check: 5 };
const ORDINARY_COUNT = 100;
const OPERATIONS = 10_000;
const STOCK = 1_000_000;
const WAITING = 10_000;
/** Files that this process has open besides its connections, at most. */
const OTHER_FILES_MAX = 200;
/** Connections that are opened at the same time: the server's queue of those to be accepted is bounded. */
const OPENED_AT_ONCE = 100;
const SPREAD_STEP = 7_919;

const columns: Column[] = [
  { name: 'SET', unit: 'µs' },
  { name: 'status', unit: 'µs' },
  { name: 'join', unit: 'µs' },
  { name: 'join ÷ SET', unit: '×' },
  { name: 'SET rate', unit: '/s' },
  { name: 'status rate', unit: '/s' },
  { name: 'join rate', unit: '/s' },
  { name: 'server memory a connection', unit: 'bytes' },
];

export const scenario: Scenario = {
  name: 'connections',
  title: 'Connections',
  method:
    'So many clients with the settings of the functions, each with a connection of its own and one call under way, as a fleet of Lambda functions has; all in one process, which bounds the rates. Server CPU (µs) holds the system calls of the network, which a fleet can’t share. Memory is what the server counts for its clients, right after the calls; buffers of the kernel come on top.',
  async run(bench) {
    const rows: { count: number; measured: Measured; bytes: number }[] = [];
    const notes: string[] = [];
    for (const count of COUNTS[bench.effort]) {
      if (count + OTHER_FILES_MAX > openFilesMax()) {
        notes.push(`${count.toLocaleString('en')} connections were left out: this machine lets a process open ${openFilesMax()} files; raise it with \`ulimit -n\`.`);
        continue;
      }
      rows.push({ count, ...(await measureConnections(bench, count)) });
    }
    const ordinary = rows.find(({ count }) => count === ORDINARY_COUNT)?.measured;
    const figures: Figure[] = ordinary
      ? [{ name: `join by ${ORDINARY_COUNT} connections: server CPU ÷ SET`, unit: '×', value: ratio(ordinary, 'join', 'SET', 'serverMicros'), better: 'lower', checked: true }]
      : [];
    if (bench.effort === 'check') return { tables: [], figures };
    notes.push(`Connections that one client in cluster mode holds to a cluster of one node: ${await connectionsOfOneClient()}.`);
    return { tables: [tableOf(rows)], figures, notes };
  },
};

/** What the system lets this process open. */
function openFilesMax(): number {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const soft = Number(userLimits?.open_files?.soft);
  return Number.isNaN(soft) ? Infinity : soft;
}

const measureConnections = (bench: Bench, count: number): Promise<{ measured: Measured; bytes: number }> =>
  onOwnRedis(async (url, watch) => {
    const clients = await connectMany(bench, url, count);
    const redis = new Redis(url, { protocol: 2 });
    try {
      const [first] = clients;
      if (!first) throw new Error('There is no client to measure.');
      for (const promotionId of ['polled', 'joined']) await initStock(first, promotionId, STOCK);
      await fillLine(redis, { promotionId: 'polled', users: WAITING, idOf: (index) => userId(index, 0) });
      const contenders = [
        fleet('SET', clients, (client, index, round) => client.set(userStatusKey('set', userId(index, round)), 'WAITING')),
        fleet('status', clients, (client, index, round) => status(client, 'polled', userId(((round + 1) * index * SPREAD_STEP) % WAITING, 0))),
        fleet('join', clients, (client, index, round) => join(client, 'joined', userId(index, round))),
      ];
      const measured = await takeTurns(bench, watch, contenders, { rounds: ROUNDS[bench.effort], operations: OPERATIONS });
      return { measured, bytes: (await watch.cost()).connectionBytes / (count + 2) };
    } finally {
      redis.disconnect();
      for (const client of clients) client.disconnect();
    }
  });

async function connectMany(bench: Bench, url: string, count: number): Promise<RedisClient[]> {
  const clients: RedisClient[] = [];
  while (clients.length < count) {
    bench.signal.throwIfAborted();
    bench.progress(`opening ${count.toLocaleString('en')} connections`, clients.length, count);
    const some = Array.from({ length: Math.min(OPENED_AT_ONCE, count - clients.length) }, () => connectRedis({ url, mode: 'single' }));
    clients.push(...some);
    await Promise.all(some.map((client) => client.connect()));
  }
  return clients;
}

/** Calls by many clients, of which each has one under way. */
const fleet = (name: string, clients: readonly RedisClient[], call: (client: RedisClient, index: number, round: number) => Promise<unknown>): Contender => ({
  name,
  async run(operations, round) {
    let next = 0;
    await Promise.all(
      clients.map(async (client) => {
        while (next < operations) await call(client, next++, round);
      }),
    );
  },
});

const connectionsOfOneClient = (): Promise<number> =>
  onOwnRedis(async (url, watch: ServerWatch) => {
    const before = await watch.connections();
    const client = connectRedis({ url, mode: 'cluster' });
    try {
      await initStock(client, 'one', STOCK);
      return (await watch.connections()) - before;
    } finally {
      client.disconnect();
    }
  });

const tableOf = (rows: readonly { count: number; measured: Measured; bytes: number }[]): Table => ({
  name: 'connections',
  title: 'Server CPU of a call, by connections',
  columns,
  rows: rows.map(({ count, measured, bytes }) => ({
    name: count.toLocaleString('en'),
    values: {
      ...Object.fromEntries(['SET', 'status', 'join'].flatMap((name) => [[name, sample(measured, name, 'serverMicros')], [`${name} rate`, sample(measured, name, 'perSecond')]])),
      'join ÷ SET': ratio(measured, 'join', 'SET', 'serverMicros'),
      'server memory a connection': single(bytes),
    },
  })),
  chart: { kind: 'lines', columns: ['SET', 'status', 'join'] },
});
