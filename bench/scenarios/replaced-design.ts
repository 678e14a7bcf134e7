import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf } from '../../lambda/queue/keys.ts';
import { connectRedis, type RedisClient } from '../../lambda/queue/redis.ts';
import { batched, rolling, userId } from '../batches.ts';
import { drainBatch, drainIssueContender, fastestPace, issueBatch } from '../contenders/own-queue.ts';
import { ReplacedDesign } from '../contenders/replaced-design.ts';
import { costTable } from '../cost-table.ts';
import { type Gathered, gather } from '../gathered-client.ts';
import { onOwnRedis } from '../own-redis.ts';
import { type Contender, type Measured, ratio, type Round, sample, takeTurns } from '../rounds.ts';
import type { Bench, Figure, Sample, Scenario, Table } from '../scenario.ts';
import type { ServerWatch } from '../server-cost.ts';

/** Waiting users, and the joins of the replaced design in a round: about a tenth of a second of work, and never more than a second. */
const DEPTHS = [
  { waiting: 100, joins: 100 },
  { waiting: 5000, joins: 200 },
  { waiting: 100_000, joins: 50 },
] as const;
/** What the check looks at: deep enough to tell, and short. */
const CHECKED_WAITING = 5000;
const ROUNDS = { full: 11, check: 5 };
/** Joins of this system in a round: they leave the line again after it, in two batches. */
const OWN_JOINS = 2000;
const LEAVING_BATCH = 1000;
/** Longer than the least interval between two drains (ms). */
const BETWEEN_DRAINS_MS = 60;

const SERVED_ROUNDS = 11;
const SERVED_BATCHES = 128;
/** Users that the replaced design serves in a round: about half a second of work. */
const SERVED_USERS = 2000;
const STOCK = 1_000_000;

const OURS = 'join';
const THEIRS = 'replaced design';

export const scenario: Scenario = {
  name: 'replaced-design',
  title: 'The replaced design',
  method:
    'The usual Spring service, command for command and a round trip each: join is GET status, RPUSH, SET status, LRANGE of the whole line for the place; a scheduler takes a batch of 100 by LPOP one by one, with SADD and SET for each; ' +
    'issue is DECR, INCR if that went below 0, SET status, SREM, 50 at work at once while the next batch is taken. Nothing holds these commands together, so two joins of one user may both get a place. ' +
    'Joins are 50 at once, of new users; its line stays within half a round’s joins of the depth, that of this system grows by 2,000 from it within a round, and is brought back by drains that are not timed.',
  run: (bench) =>
    onOwnRedis(async (url, watch) => {
      const redis = new Redis(url, { protocol: 2 });
      const client = connectRedis({ url, mode: 'cluster' });
      const gathered = gather(redis);
      try {
        const depths = DEPTHS.filter(({ waiting }) => bench.effort === 'full' || waiting === CHECKED_WAITING);
        const measured = new Map<number, Measured>();
        for (const { waiting, joins } of depths) measured.set(waiting, await joinsAt(bench, { url, watch, client, gathered, waiting, joins }));
        const at = (waiting: number) => measured.get(waiting) ?? new Map<string, Round[]>();
        const figures: Figure[] = [
          {
            name: `replaced design ÷ join at ${inWords(CHECKED_WAITING)} in line: server CPU`,
            unit: '×',
            value: ratio(at(CHECKED_WAITING), THEIRS, OURS, 'serverMicros'),
            better: 'higher',
            checked: true,
          },
        ];
        if (bench.effort === 'check') return { tables: [], figures };

        figures.push({ name: 'join ÷ replaced design at 100,000 in line: rate', unit: '×', value: ratio(at(100_000), OURS, THEIRS, 'perSecond'), better: 'higher', checked: false });
        const { table, rate } = await served(bench, { url, watch, client, gathered });
        figures.push({ name: 'drain + issue ÷ replaced design: rate, batch 100', unit: '×', value: rate, better: 'higher', checked: false });
        return { tables: [depthTable(measured), table], figures };
      } finally {
        redis.disconnect();
        client.disconnect();
      }
    }),
};

interface Site {
  url: string;
  watch: ServerWatch;
  client: RedisClient;
  gathered: Gathered;
}

/** Joins of both with so many in line. */
async function joinsAt(bench: Bench, { url, watch, client, gathered, waiting, joins }: Site & { waiting: number; joins: number }): Promise<Measured> {
  const promotionId = `ours-${waiting}`;
  await initStock(client, promotionId, STOCK);
  await batched(waiting, (index) => join(gathered.client, promotionId, `w${String(index).padStart(11, '0')}`), gathered.flush);
  const replaced = new ReplacedDesign({ url, promotionId: `replaced-${waiting}` });
  const contenders: Contender[] = [
    {
      name: OURS,
      run: (operations, round) => rolling(operations, (index) => join(client, promotionId, userId(index, round))),
      async finish() {
        for (let left = 0; left < OWN_JOINS; left += LEAVING_BATCH) {
          await pause(BETWEEN_DRAINS_MS);
          await issueBatch(client, promotionId, await drainBatch(client, promotionId, fastestPace(LEAVING_BATCH)));
        }
      },
    },
    {
      name: THEIRS,
      operations: joins,
      prepare: () => replaced.setLineLength(waiting - joins / 2),
      run: (operations, round) => rolling(operations, (index) => replaced.add(userId(index, round))),
    },
  ];
  try {
    return await takeTurns(bench, watch, contenders, { rounds: ROUNDS[bench.effort], operations: OWN_JOINS });
  } finally {
    await replaced.close();
  }
}

/** From the line to the coupon, per user. */
async function served(bench: Bench, { url, watch, client, gathered }: Site): Promise<{ table: Table; rate: Sample }> {
  const ours = await drainIssueContender({ redis: client, gathered, name: 'drain + issue', batchSize: 100, promotions: SERVED_BATCHES, rounds: SERVED_ROUNDS + 1 });
  const replaced = new ReplacedDesign({ url, promotionId: 'replaced-served' });
  const redis = new Redis(url, { protocol: 2 });
  await redis.set(keysOf('replaced-served').stock, STOCK);
  redis.disconnect();
  const worker = await replaced.openWorker();
  const theirs: Contender = {
    name: THEIRS,
    operations: SERVED_USERS,
    prepare: (round) => replaced.addMany(Array.from({ length: SERVED_USERS }, (_, index) => userId(index, round))),
    run: (operations) => worker.serve(operations),
  };
  try {
    const contenders = [ours, theirs];
    const measured = await takeTurns(bench, watch, contenders, { rounds: SERVED_ROUNDS, operations: SERVED_USERS });
    return {
      table: costTable({ name: 'replaced-drain-issue', title: 'Drain and issue in batches of 100, per user', contenders, measured, base: ours.name }),
      rate: ratio(measured, ours.name, THEIRS, 'perSecond'),
    };
  } finally {
    await replaced.close();
  }
}

const depthTable = (measured: ReadonlyMap<number, Measured>): Table => ({
  name: 'replaced-join',
  title: 'Join, by users in line',
  columns: [
    { name: 'join, rate', unit: '/s' },
    { name: 'replaced design, rate', unit: '/s' },
    { name: 'rate ÷ rate', unit: '×' },
    { name: 'join, server CPU', unit: 'µs' },
    { name: 'replaced design, server CPU', unit: 'µs' },
  ],
  rows: [...measured].map(([waiting, rounds]) => ({
    name: inWords(waiting),
    values: {
      'join, rate': sample(rounds, OURS, 'perSecond'),
      'replaced design, rate': sample(rounds, THEIRS, 'perSecond'),
      'rate ÷ rate': ratio(rounds, OURS, THEIRS, 'perSecond'),
      'join, server CPU': sample(rounds, OURS, 'serverMicros'),
      'replaced design, server CPU': sample(rounds, THEIRS, 'serverMicros'),
    },
  })),
  chart: { kind: 'lines', columns: ['join, rate', 'replaced design, rate'], logarithmic: true },
});

const inWords = (count: number) => count.toLocaleString('en-US');
