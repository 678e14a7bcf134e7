import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drainIssueContender, serveAll } from '../../../bench/contenders/own-queue.ts';
import { ReplacedDesign } from '../../../bench/contenders/replaced-design.ts';
import { openRival, rivalNames } from '../../../bench/contenders/rivals.ts';
import { gather } from '../../../bench/gathered-client.ts';
import { initStock } from '../../../lambda/queue/init-stock.ts';
import { join } from '../../../lambda/queue/join.ts';
import { keysOf, userStatusKey } from '../../../lambda/queue/keys.ts';
import { connectRedis, type RedisClient } from '../../../lambda/queue/redis.ts';
import { startRedis } from '../../../local/redis-server.ts';

const STOCK = 70;
const users = Array.from({ length: 180 }, (_, i) => `u${i}`);

let url: string;
let redis: Redis;
let client: RedisClient;
let stop: () => Promise<void>;
beforeAll(async () => {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'coupon-queue-test-redis-'));
  const server = await startRedis({ dataDir });
  ({ url } = server);
  redis = new Redis(url, { protocol: 2 });
  client = connectRedis({ url, mode: 'cluster' });
  stop = async () => {
    redis.disconnect();
    client.disconnect();
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
});
afterAll(() => stop());

/** How many users have which status, and what stock is left. */
async function resultOf(promotionId: string) {
  const statuses = await redis.mget(users.map((user) => userStatusKey(promotionId, user)));
  return {
    completed: statuses.filter((status) => status === 'COMPLETED').length,
    failed: statuses.filter((status) => status === 'FAILED').length,
    stock: await redis.get(keysOf(promotionId).stock),
  };
}
const fair = { completed: STOCK, failed: users.length - STOCK, stock: '0' };

describe.concurrent('whoever is measured gives away exactly the stock', () => {
  test.each(rivalNames)('%s, whether users are added one by one or many at once', async (name) => {
    const promotionId = `fair-${name.replaceAll(' ', '-')}`;
    const rival = await openRival(name, { url, promotionId, stock: STOCK });
    const half = users.length / 2;
    await Promise.all(users.slice(0, half).map((user) => rival.add(user)));
    await rival.addMany(users.slice(half));
    const worker = await rival.openWorker();
    await worker.serve(users.length);
    expect(await resultOf(promotionId)).toEqual(fair);
    await worker.close();
    await rival.close();
  });

  test.each(['BullMQ', 'bee-queue'] as const)('%s adds a known user once', async (name) => {
    const promotionId = `known-${name}`;
    const rival = await openRival(name, { url, promotionId, stock: STOCK });
    for (const user of ['u0', 'u0', 'u1']) await rival.add(user);
    await rival.addMany(['u0', 'u2']);
    const worker = await rival.openWorker();
    await worker.serve(3);
    expect(await redis.get(keysOf(promotionId).stock)).toBe(String(STOCK - 3));
    await worker.close();
    await rival.close();
  });

  test('the replaced design, and it tells the place', async () => {
    const promotionId = 'fair-replaced';
    const design = new ReplacedDesign({ url, promotionId });
    await redis.set(keysOf(promotionId).stock, STOCK);
    expect(await design.add('u0')).toBe(1);
    expect(await design.add('u1')).toBe(2);
    expect(await design.add('u0')).toBe(1);
    await design.addMany(users.slice(2));
    expect(await design.poll('u99')).toEqual({ status: 'WAITING', position: 100 });
    await (await design.openWorker()).serve(users.length);
    expect(await resultOf(promotionId)).toEqual(fair);
    expect(await redis.scard(keysOf(promotionId).processing)).toBe(0);
    await design.close();
  });

  test('this system, to the end of the line', async () => {
    await initStock(client, 'fair-own', STOCK);
    for (const user of users) await join(client, 'fair-own', user);
    await serveAll(client, 'fair-own', 50);
    expect(await resultOf('fair-own')).toEqual(fair);
  });
});

test('the line of the replaced design takes the length that is asked for', async () => {
  const design = new ReplacedDesign({ url, promotionId: 'length' });
  const { waitingQueue } = keysOf('length');
  await design.setLineLength(12_345);
  expect(await redis.llen(waitingQueue)).toBe(12_345);
  await design.add('u0');
  await design.setLineLength(100);
  expect(await redis.llen(waitingQueue)).toBe(100);
  await design.close();
});

test('a round of drain and issue is refused when it did less than it is counted for', async () => {
  const contender = await drainIssueContender({ redis: client, gathered: gather(redis), name: 'short line', batchSize: 3, promotions: 2, rounds: 1 });
  expect(contender.operations).toBe(6);
  await contender.prepare?.(0);
  await contender.run(6, 0);
  expect(await redis.get(keysOf('short-line-1').stock)).toBe('0');
  await expect(contender.run(6, 1)).rejects.toThrow('admitted 0 users instead of 3');
});
