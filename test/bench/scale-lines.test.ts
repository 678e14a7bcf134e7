import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { fillLine } from '../../bench/fill.ts';
import { onOwnRedis } from '../../bench/own-redis.ts';
import { bullmqJobs, completed, failed, listAndStatus, PROMOTION_ID, type Population, type Server, waiting } from '../../bench/populations.ts';
import { sellOut } from '../../bench/sale.ts';
import { info } from '../../lambda/queue/info.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf, userStatusKey } from '../../lambda/queue/keys.ts';
import { connectRedis } from '../../lambda/queue/redis.ts';

/** More than one set of commands of a filled line. */
const USERS = 1200;
const idOf = (index: number) => `user-${index}`;

const onServer = (work: (server: Server) => Promise<void>) =>
  onOwnRedis(async (url) => {
    const redis = new Redis(url, { protocol: 2 });
    const client = connectRedis({ url, mode: 'cluster' });
    try {
      await work({ url, redis, client });
    } finally {
      redis.disconnect();
      client.disconnect();
    }
  });

/** All of a line that joins write, without what init-stock wrote. */
async function lineOf(redis: Redis, promotionId: string) {
  const { waitingQueue, promotion, stock } = keysOf(promotionId);
  const { '#createdAtMs': _, ...fields } = await redis.hgetall(promotion);
  const statuses = await redis.mget(Array.from({ length: USERS }, (_user, index) => userStatusKey(promotionId, idOf(index))));
  return { line: await redis.lrange(waitingQueue, 0, -1), fields, stock: await redis.get(stock), statuses };
}

describe('lines for measurements', () => {
  test('a line that is filled at once is what joins would have made', () =>
    onServer(async ({ redis, client }) => {
      for (const promotionId of ['a', 'b']) await initStock(client, promotionId, 100);
      for (let index = 0; index < USERS; index++) await join(client, 'a', idOf(index));
      await fillLine(redis, { promotionId: 'b', users: USERS, idOf });
      expect(await redis.dbsize()).toBe(2 * (USERS + 3) + 1);
      const byJoins = await lineOf(redis, 'a');
      expect(await lineOf(redis, 'b')).toEqual(byJoins);
      expect(byJoins.line).toHaveLength(USERS);
      expect(await join(client, 'b', 'next')).toEqual({ kind: 'WAITING', position: USERS + 1 });
    }));

  test('a sale for the measurement of its end ends', () =>
    onServer(async ({ redis, client }) => {
      let asked = 0;
      const pings = { longestMs: async () => (asked += 1), stop: async () => undefined };
      const figures = await sellOut({ redis, client, pings, promotions: 3, waiting: 700, signal: new AbortController().signal });
      for (const value of Object.values(figures)) expect(value).toBeGreaterThan(0);
      expect(figures.pingMs).toBeLessThan(figures.idlePingMs);
      for (let index = 0; index < 3; index++) expect(await info(client, `sale-${index}`)).toMatchObject({ currentStock: 0, completedCount: 100, failedCount: 700 });
    }));

  test('users of each kind are what their name says', async () => {
    const grown = (open: (server: Server) => Population | Promise<Population>, look: (server: Server) => Promise<unknown>) =>
      onServer(async (server) => {
        const population = await open(server);
        await population.grow(0, 30);
        await population.grow(30, 50);
        expect(await look(server), population.name).toMatchObject(EXPECTED[population.name.split(',')[0] ?? ''] ?? {});
        await population.close?.();
      });
    const counts = ({ client }: Server) => info(client, PROMOTION_ID);
    const EXPECTED: Record<string, object> = {
      waiting: { queueSize: 50 },
      COMPLETED: { completedCount: 50, queueSize: 0, processingCount: 0 },
      // The first of each time that the population grew won.
      FAILED: { failedCount: 48, completedCount: 2, queueSize: 0, processingCount: 0 },
      'List and status alone': { line: 50, keys: 51 },
      BullMQ: { jobs: 50 },
    };
    await Promise.all([
      grown((server) => waiting(server, 'uuids'), counts),
      grown(completed, counts),
      grown(failed, counts),
      grown((server) => listAndStatus(server, '12-character ids'), async ({ redis }) => ({ line: await redis.llen(keysOf(PROMOTION_ID).waitingQueue), keys: await redis.dbsize() })),
      grown(bullmqJobs, async ({ redis }) => ({ jobs: await redis.llen(`{${PROMOTION_ID}}:coupons:wait`) })),
    ]);
  });
});
