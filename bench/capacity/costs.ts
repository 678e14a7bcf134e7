import { Redis } from 'ioredis';
import { drain } from '../../lambda/queue/drain.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { issueMessages } from '../../lambda/queue/issue-message.ts';
import { join } from '../../lambda/queue/join.ts';
import { connectRedis, type RedisClient } from '../../lambda/queue/redis.ts';
import { status } from '../../lambda/queue/status.ts';
import { sweep } from '../../lambda/queue/sweep.ts';
import { userId } from '../batches.ts';
import { fillLine } from '../fill-line.ts';
import { onOwnRedis } from '../own-redis.ts';
import { type Contender, sample, takeTurns } from '../rounds.ts';
import type { Bench, Sample } from '../scenario.ts';

/** Environments of a fleet: one connection each, one command in flight on each. */
const CONNECTIONS = 200;
/** Issuers at once, as many as the stack allows. */
const ISSUERS = 10;
const OPERATIONS = 20_000;
const ROUNDS = 5;
const BATCH_SIZE = 1000;
const PACE = { batchSize: BATCH_SIZE, drainIntervalMs: 60_000, leaseMs: 60_000, maxInFlight: BATCH_SIZE };

export const operations = ['SET', 'join', 'duplicate join', 'poll', 'drain and issue of a user', 'sweep of a user'] as const;
export type Operation = (typeof operations)[number];
/** Server CPU (µs) of each operation. */
export type MeasuredCosts = Record<Operation, Sample>;

/** Measures what each operation costs the server, sent as a fleet sends it; SET is the floor of the same run. */
export const measureCosts = (bench: Bench): Promise<MeasuredCosts> =>
  onOwnRedis(async (url, watch) => {
    const redis = new Redis(url, { protocol: 2 });
    const fleet = Array.from({ length: CONNECTIONS }, () => connectRedis({ url, mode: 'single' }));
    try {
      await fillLine(redis, 'known', OPERATIONS);
      await initStock(redis, 'new', OPERATIONS * (ROUNDS + 1));
      const measured = await takeTurns(bench, watch, contendersOn(redis, fleet), { rounds: ROUNDS, operations: OPERATIONS });
      return Object.fromEntries(operations.map((name) => [name, sample(measured, name, 'serverMicros')])) as MeasuredCosts;
    } finally {
      redis.disconnect();
      for (const client of fleet) client.disconnect();
    }
  });

/** Connections that one client of a function opens to the node that serves it. */
export const measureConnections = (): Promise<number> =>
  onOwnRedis(async (url) => {
    const redis = new Redis(url, { protocol: 2 });
    const connections = async () => Number(/^connected_clients:(\d+)/m.exec(await redis.info('clients'))?.[1]);
    const before = await connections();
    const clients = Array.from({ length: ISSUERS }, () => connectRedis({ url, mode: 'cluster' }));
    try {
      await Promise.all(clients.map((client) => client.get('{any}')));
      return ((await connections()) - before) / clients.length;
    } finally {
      for (const client of clients) client.disconnect();
      redis.disconnect();
    }
  });

function contendersOn(redis: Redis, fleet: readonly RedisClient[]): Contender[] {
  const [first] = fleet;
  if (!first) throw new Error('A fleet has at least one connection.');
  const sent = (name: Operation, call: (client: RedisClient, index: number, round: number) => Promise<unknown>): Contender => ({
    name,
    run: (count, round) => eachOwnCommand(fleet, count, (client, index) => call(client, index, round)),
  });
  const batches = (round: number) => Array.from({ length: OPERATIONS / BATCH_SIZE }, (_, batch) => `batch${batch}of${round}`);
  return [
    sent('SET', (client, index, round) => client.set(`coupon:user_status:{set}:${userId(index, round)}`, 'WAITING')),
    sent('join', (client, index, round) => join(client, 'new', userId(index, round))),
    sent('duplicate join', (client, index) => join(client, 'known', userId(index, 0))),
    sent('poll', (client, index) => status(client, 'known', userId(index, 0))),
    {
      name: 'drain and issue of a user',
      async prepare(round) {
        for (const id of batches(round)) await fillLine(redis, id, BATCH_SIZE);
      },
      async run(_users, round) {
        for (const id of batches(round)) {
          const outcome = await drain(first, id, PACE);
          if (outcome.kind !== 'DRAINED') throw new Error(`${id} was not drained.`);
          await Promise.all(issueMessages(id, outcome.admitted).map(({ userIds }, i) => issue(fleet[i % ISSUERS] ?? first, id, userIds)));
        }
      },
    },
    {
      name: 'sweep of a user',
      async prepare(round) {
        // One coupon; when it is gone, the next drain turns the line into the sold-out line.
        const id = `sweep${round}`;
        await initStock(redis, id, 1);
        await eachOwnCommand(fleet, OPERATIONS + 1, (client, index) => join(client, id, userId(index, round)));
        const pace = { ...PACE, drainIntervalMs: 1 };
        const outcome = await drain(first, id, pace);
        if (outcome.kind === 'DRAINED') await issue(first, id, outcome.admitted);
        await new Promise((resolve) => void setTimeout(resolve, 2 * pace.drainIntervalMs + 1));
        await drain(first, id, pace);
      },
      async run(users, round) {
        let swept = 0;
        for (let left = Infinity; left > 0; ) {
          const outcome = await sweep(first, `sweep${round}`);
          swept += outcome.failed;
          left = outcome.left;
        }
        if (swept !== users) throw new Error(`${swept} users were swept, not ${users}.`);
      },
    },
  ];
}

/** Makes so many calls, each connection one after the other. */
async function eachOwnCommand(fleet: readonly RedisClient[], count: number, call: (client: RedisClient, index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    fleet.map(async (client) => {
      while (next < count) await call(client, next++);
    }),
  );
}
