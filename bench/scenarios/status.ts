import { Redis } from 'ioredis';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { keysOf, userStatusKey } from '../../lambda/queue/keys.ts';
import { connectRedis } from '../../lambda/queue/redis.ts';
import { status } from '../../lambda/queue/status.ts';
import { AT_ONCE, batched, userId } from '../batches.ts';
import { setContender } from '../contenders/floor.ts';
import { fillLine } from '../fill.ts';
import { gather } from '../gathered-client.ts';
import { onOwnRedis } from '../own-redis.ts';
import { type Contender, type Measured, ratio, sample, takeTurns } from '../rounds.ts';
import type { Bench, Column, Figure, Sample, Scenario, Table } from '../scenario.ts';
import type { ServerWatch } from '../server-cost.ts';

const STRICT_ROUNDS = { full: 15, check: 7 };
const STRICT_OPERATIONS = 10_000;
const ORDINARY_DEPTH = 1000;

const DEPTHS = [100, 1000, 10_000, 100_000, 1_000_000];
const DEPTH_ROUNDS = 7;
const DEPTH_OPERATIONS = 5000;
/** Elements that a search through the line visits in one round, so that each depth takes about as long. */
const SEARCHED_PER_ROUND = 4_000_000;
const SEARCHES_MIN = 4;
const SEARCH_ROUNDS = 3;
/** A prime, larger than any stride of a cache: asks for users from all over the line. */
const SPREAD_STEP = 7_919;

const columns: Column[] = [
  { name: 'last in line', unit: 'µs' },
  { name: 'all over the line', unit: 'µs' },
  { name: '÷ SET', unit: '×' },
  { name: 'bare reads', unit: 'µs' },
  { name: 'LPOS', unit: 'µs' },
  { name: 'LRANGE', unit: 'µs' },
];

export const scenario: Scenario = {
  name: 'status',
  title: 'Status',
  method:
    'Each operation is a poll, pipelined. Bare reads are the floor: the same reads of the same users without MULTI. ÷ SET compares a poll by users from all over the line with one SET of a new key in the same server, whose keys are those of all the lines together. LPOS and LRANGE search the line for its last user, the way to a position that needs no ticket. The figure ÷ SET is measured on a server with one line of 1,000.',
  async run(bench) {
    const figures = [await strictRatio(bench)];
    return bench.effort === 'check' ? { tables: [], figures } : await byDepth(bench, figures);
  },
};

const lineOf = (depth: number) => `line-${depth}`;

interface Connected {
  redis: Redis;
  watch: ServerWatch;
}

/** Runs something on an own server with lines of these depths. */
const withLines = <T>(bench: Bench, depths: readonly number[], work: (on: Connected) => Promise<T>): Promise<T> =>
  onOwnRedis(async (url, watch) => {
    const redis = new Redis(url, { protocol: 2 });
    const client = connectRedis({ url, mode: 'cluster' });
    try {
      for (const users of depths) {
        const progress = (done: number) => bench.progress(`filling a line of ${users.toLocaleString('en')}`, done, users);
        await initStock(client, lineOf(users), users);
        await fillLine(redis, { promotionId: lineOf(users), users, idOf: (index) => userId(index, 0), progress, signal: bench.signal });
      }
      return await work({ redis, watch });
    } finally {
      redis.disconnect();
      client.disconnect();
    }
  });

const strictRatio = (bench: Bench): Promise<Figure> =>
  withLines(bench, [ORDINARY_DEPTH], async ({ redis, watch }) => {
    const contenders = [setContender(redis, 'pipelined'), polls(redis, ORDINARY_DEPTH, 'all over the line')];
    const measured = await takeTurns(bench, watch, contenders, { rounds: STRICT_ROUNDS[bench.effort], operations: STRICT_OPERATIONS });
    return { name: 'status: server CPU ÷ SET', unit: '×', value: ratio(measured, nameOf('all over the line', ORDINARY_DEPTH), 'SET', 'serverMicros'), better: 'lower', checked: true };
  });

const byDepth = (bench: Bench, figures: Figure[]) =>
  withLines(bench, DEPTHS, async ({ redis, watch }) => {
    const contenders = DEPTHS.flatMap((depth) => [polls(redis, depth, 'last in line'), polls(redis, depth, 'all over the line'), bareReads(redis, depth)]);
    const plan = { rounds: DEPTH_ROUNDS, operations: DEPTH_OPERATIONS };
    const measured = await takeTurns(bench, watch, [setContender(redis, 'pipelined'), ...contenders], plan);
    const searched = new Map<number, Measured>();
    for (const depth of DEPTHS) {
      const operations = Math.min(DEPTH_OPERATIONS, Math.max(SEARCHES_MIN, SEARCHED_PER_ROUND / depth));
      searched.set(depth, await takeTurns(bench, watch, searches(redis, depth), { rounds: SEARCH_ROUNDS, operations }));
    }
    const deep = ratio(measured, nameOf('all over the line', 1_000_000), nameOf('all over the line', 1000), 'serverMicros');
    const table: Table = {
      name: 'status-by-depth',
      title: 'Server CPU of a poll, by users in line',
      columns,
      rows: DEPTHS.map((depth) => {
        const micros = (what: string): Sample => sample(what in SEARCHES ? (searched.get(depth) ?? measured) : measured, nameOf(what, depth), 'serverMicros');
        const shown = columns.filter(({ name }) => name !== '÷ SET').map(({ name }) => [name, micros(name)]);
        return {
          name: depth.toLocaleString('en'),
          values: { ...Object.fromEntries(shown), '÷ SET': ratio(measured, nameOf('all over the line', depth), 'SET', 'serverMicros') },
        };
      }),
      chart: { kind: 'lines', columns: ['all over the line', 'bare reads', 'LPOS', 'LRANGE'], logarithmic: true },
    };
    return { tables: [table], figures: [...figures, { name: 'status: 1,000,000 in line ÷ 1,000', unit: '×', value: deep, better: 'lower', checked: false } as const] };
  });

const nameOf = (what: string, depth: number) => `${what}, ${depth.toLocaleString('en')}`;

type Whose = 'last in line' | 'all over the line';

const userOf = (depth: number, whose: Whose, index: number) => userId(whose === 'last in line' ? depth - 1 : (index * SPREAD_STEP) % depth, 0);

function polls(redis: Redis, depth: number, whose: Whose): Contender {
  const gathered = gather(redis);
  return {
    name: nameOf(whose, depth),
    run: (operations, round) =>
      batched(operations, (index) => status(gathered.client, lineOf(depth), userOf(depth, whose, round * operations + index)), gathered.flush),
  };
}

/** What a poll reads, each command by itself: two may see different instants. */
function bareReads(redis: Redis, depth: number): Contender {
  const promotionId = lineOf(depth);
  const keys = keysOf(promotionId);
  return {
    name: nameOf('bare reads', depth),
    run: (operations, round) =>
      pipelined(redis, operations, (pipeline, index) => {
        const user = userOf(depth, 'all over the line', round * operations + index);
        pipeline.hmget(keys.promotion, '#state', '#nowServing', user).get(userStatusKey(promotionId, user)).llen(keys.waitingQueue);
      }),
  };
}

const SEARCHES: Record<string, (line: string, user: string) => [string, ...string[]]> = {
  LPOS: (line, user) => ['LPOS', line, user],
  LRANGE: (line) => ['LRANGE', line, '0', '-1'],
};

const searches = (redis: Redis, depth: number): Contender[] =>
  Object.entries(SEARCHES).map(([what, words]) => ({
    name: nameOf(what, depth),
    async run(operations) {
      // One by one: the answer of one LRANGE may be 20 MB.
      for (let index = 0; index < operations; index++) await redis.callBuffer(...words(keysOf(lineOf(depth)).waitingQueue, userId(depth - 1, 0)));
    },
  }));

async function pipelined(redis: Redis, operations: number, add: (pipeline: ReturnType<Redis['pipeline']>, index: number) => void): Promise<void> {
  for (let first = 0; first < operations; first += AT_ONCE) {
    const pipeline = redis.pipeline();
    for (let index = first; index < Math.min(operations, first + AT_ONCE); index++) add(pipeline, index);
    await pipeline.exec();
  }
}
