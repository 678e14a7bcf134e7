import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import { type ClusterNode, Cluster, type Redis } from 'ioredis';
import { control } from '../lambda/queue/control.ts';
import { drain } from '../lambda/queue/drain.ts';
import { initStock } from '../lambda/queue/init-stock.ts';
import { issue } from '../lambda/queue/issue.ts';
import { join } from '../lambda/queue/join.ts';
import { keysOf, userStatusKey } from '../lambda/queue/keys.ts';
import type { RedisClient } from '../lambda/queue/redis.ts';
import { sweep } from '../lambda/queue/sweep.ts';
import { userId } from './batches.ts';
import { gather } from './gathered-client.ts';

/** Commands, or jobs, of one write while a population grows. */
const GROW_USERS_MAX = 500;
/** A tick is due at once, and takes as many as may be taken. */
const PACE = { batchSize: 1000, drainIntervalMs: 1, leaseMs: 60_000, maxInFlight: 1000 };
const DUE_MS = 2;
/** Each letter of it stands in the status key of every user: ids of 3 to 10 letters cost the same, for both kinds of user ids. */
export const PROMOTION_ID = 'sale-1';
const STOCK_MAX = 1_000_000_000;
const ABSENT = Array.from({ length: 1000 }, (_, i) => `absent-${i}`);

/** Users of one kind, on a server that is theirs. */
export interface Population {
  name: string;
  /** Adds the users from one index to another, or so that there are as many more. */
  grow(from: number, to: number): Promise<void>;
  /** The hash whose table grows with the users, if there is one. */
  hash?: string;
  close?(): Promise<void>;
}

export interface Server {
  url: string;
  redis: Redis;
  client: RedisClient;
}

export type IdKind = '12-character ids' | 'uuids';

const idsOf = (kind: IdKind, from: number, to: number) => Array.from({ length: to - from }, (_, i) => (kind === 'uuids' ? randomUUID() : userId(from + i, 0)));

const own = { hash: keysOf(PROMOTION_ID).promotion };

/** Users who stand in line, by real joins. */
export async function waiting(server: Server, kind: IdKind): Promise<Population> {
  await initStock(server.client, PROMOTION_ID, STOCK_MAX);
  return { name: `waiting, ${kind}`, ...own, grow: (from, to) => joinAll(server, idsOf(kind, from, to)) };
}

/** Users who have their coupon. */
export async function completed(server: Server): Promise<Population> {
  await initStock(server.client, PROMOTION_ID, STOCK_MAX);
  return {
    name: 'COMPLETED, 12-character ids',
    ...own,
    async grow(from, to) {
      await joinAll(server, idsOf('12-character ids', from, to));
      for (let issued = 0; issued < to - from; issued += await tick(server));
    },
  };
}

/** Users who came too late, but for one of each time that the population grew. */
export async function failed(server: Server): Promise<Population> {
  const { client } = server;
  await initStock(client, PROMOTION_ID, 1);
  return {
    name: 'FAILED, 12-character ids',
    ...own,
    async grow(from, to) {
      if (from > 0) await control(client, PROMOTION_ID, { action: 'restock', quantity: 1, requestId: `restock-${from}` });
      await joinAll(server, idsOf('12-character ids', from, to));
      for (let issued = 0; issued < 1; issued += await tick(server));
      // The tick that finds the stock gone.
      await tick(server);
      for (let swept = 0; swept < to - from - 1; ) {
        const outcome = await sweep(client, PROMOTION_ID);
        if (outcome.failed === 0) throw new Error('The line was not turned into the sold-out line: look at drain.lua.');
        swept += outcome.failed;
      }
    },
  };
}

/** The public contract alone: a List and a status for each. */
export function listAndStatus({ redis }: Server, kind: IdKind): Population {
  const { waitingQueue } = keysOf(PROMOTION_ID);
  return {
    name: `List and status alone, ${kind}`,
    async grow(from, to) {
      const ids = idsOf(kind, from, to);
      for (let i = 0; i < ids.length; i += GROW_USERS_MAX) {
        const some = ids.slice(i, i + GROW_USERS_MAX);
        const statuses = some.flatMap((id) => [userStatusKey(PROMOTION_ID, id), 'WAITING']);
        await redis.pipeline().rpush(waitingQueue, ...some).mset(...statuses).exec();
      }
    },
  };
}

/** Jobs of BullMQ that wait, each with the id of its user, so that a known user is not added twice. */
export async function bullmqJobs({ url }: Server): Promise<Population> {
  const { hostname: host, port } = new URL(url);
  const nodes: ClusterNode[] = [{ host, port: Number(port) }];
  const connection = new Cluster(nodes, { redisOptions: { maxRetriesPerRequest: null } });
  const queue = new Queue('coupons', { connection, prefix: `{${PROMOTION_ID}}` });
  await queue.waitUntilReady();
  return {
    name: 'BullMQ, a job that waits, 12-character ids',
    async grow(from, to) {
      const jobs = idsOf('12-character ids', from, to).map((id) => ({ name: 'issue', data: { promotionId: PROMOTION_ID, userId: id }, opts: { jobId: id } }));
      for (let i = 0; i < jobs.length; i += GROW_USERS_MAX) await queue.addBulk(jobs.slice(i, i + GROW_USERS_MAX));
    },
    async close() {
      await queue.close();
      connection.disconnect();
    },
  };
}

/**
 * Lets tables that have just doubled finish their move, during which both the old and the new one take memory: Redis moves a
 * bucket with each look into a table.
 */
export async function settle(redis: Redis, { hash }: Population, users: number): Promise<void> {
  for (let looks = 0; looks < users; looks += ABSENT.length) {
    await redis.exists(...ABSENT.map((key) => `{${PROMOTION_ID}}${key}`));
    if (hash) await redis.hmget(hash, ...ABSENT);
  }
}

async function joinAll({ redis }: Server, ids: readonly string[]): Promise<void> {
  const { client, flush } = gather(redis);
  for (let i = 0; i < ids.length; i += GROW_USERS_MAX) {
    const joins = ids.slice(i, i + GROW_USERS_MAX).map((id) => join(client, PROMOTION_ID, id));
    await flush();
    for (const { kind } of await Promise.all(joins)) if (kind !== 'WAITING') throw new Error(`A user who joined to be measured is ${kind}.`);
  }
}

/** One tick and what it sends; answers how many got a coupon. */
async function tick({ client }: Server): Promise<number> {
  await new Promise((resolve) => void setTimeout(resolve, DUE_MS));
  const outcome = await drain(client, PROMOTION_ID, PACE);
  if (outcome.kind !== 'DRAINED' || outcome.admitted.length === 0) return 0;
  return (await issue(client, PROMOTION_ID, outcome.admitted)).completed;
}
