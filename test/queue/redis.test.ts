import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { withinDeadline } from '../../lambda/http/pipeline.ts';
import { control } from '../../lambda/queue/control.ts';
import { drain } from '../../lambda/queue/drain.ts';
import { info } from '../../lambda/queue/info.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf, PROMOTIONS_KEY } from '../../lambda/queue/keys.ts';
import { connectRedis, type RedisClient, RedisUnavailable } from '../../lambda/queue/redis.ts';
import { retire } from '../../lambda/queue/retire.ts';
import { status } from '../../lambda/queue/status.ts';
import { sweep } from '../../lambda/queue/sweep.ts';
import { type RunningCluster, type RunningRedis, startRedis, startRedisCluster } from '../../local/redis-server.ts';
import { snapshot, winners } from '../invariants.ts';
import { drainNow, expectPromisesKept, pace, users } from './promotion-for-test.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'coupon-queue-redis-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A whole sale by the operations alone: 30 coupons, 100 users. */
async function expectSaleWorks(redis: RedisClient, promotionId: string): Promise<void> {
  await initStock(redis, promotionId, 30);
  for (const user of users(100)) await join(redis, promotionId, user);
  const { admitted } = await drainNow(redis, promotionId);
  expect((await issue(redis, promotionId, admitted)).completed).toBe(30);
  await drainNow(redis, promotionId);
  expect(await status(redis, promotionId, 'u31')).toEqual({ kind: 'FAILED' });
  expect(await sweep(redis, promotionId)).toMatchObject({ failed: 70, left: 0 });
  expect(await info(redis, promotionId)).toMatchObject({ completedCount: 30, failedCount: 70 });
  await expectPromisesKept(redis, promotionId);
  expect(winners(await snapshot(redis, promotionId))).toEqual(users(30));
  await control(redis, promotionId, { action: 'close' });
  await control(redis, promotionId, { action: 'remove' });
  expect(await retire(redis, promotionId)).toMatchObject({ kind: 'RETIRED', users: 100, left: 0 });
  expect(await retire(redis, promotionId)).toEqual({ kind: 'GONE' });
}

describe('a real cluster of three nodes', () => {
  let cluster: RunningCluster;
  let redis: RedisClient;
  beforeAll(async () => {
    cluster = await startRedisCluster({ nodes: 3, dataDir: path.join(folder, 'cluster') });
    redis = connectRedis({ url: cluster.nodes[0]!.url, mode: 'cluster' });
  });
  afterAll(async () => {
    redis.disconnect();
    await cluster.stop();
  });

  test('every operation works for promotions on every node', async () => {
    const slots = await Promise.all(users(12).map((user) => redis.cluster('KEYSLOT', keysOf(user).stock)));
    expect(new Set(slots.map((slot) => Math.floor((slot * 3) / 16_384))).size).toBe(3);
    await Promise.all(users(12).map((user) => expectSaleWorks(redis, user)));
  });
});

describe.concurrent('a single server, not in cluster mode', () => {
  test('every operation works', async () => {
    const server = await startRedis({ dataDir: path.join(folder, 'single') });
    const redis = connectRedis({ url: server.url, mode: 'single' });
    await expectSaleWorks(redis, 'p');
    redis.disconnect();
    await server.stop();
  });
});

describe.concurrent('Redis away', () => {
  test.each(['cluster', 'single'] as const)('%s: refused connections fail at once, and it recovers without a restart', async (mode) => {
    const dataDir = path.join(folder, `away-${mode}`);
    let server: RunningRedis = await startRedis({ dataDir });
    const redis = connectRedis({ url: server.url, mode });
    await initStock(redis, 'p', 5);
    await server.stop();
    const before = performance.now();
    for (let i = 0; i < 3; i++) await expect(withinDeadline(join(redis, 'p', 'a'))).rejects.toBeInstanceOf(RedisUnavailable);
    expect(performance.now() - before).toBeLessThan(3 * 3000);
    server = await startRedis({ dataDir, port: server.port });
    await initStock(redis, 'p', 5);
    expect(await join(redis, 'p', 'a')).toEqual({ kind: 'WAITING', position: 1 });
    redis.disconnect();
    await server.stop();
  });

  test.each(['cluster', 'single'] as const)('%s: a server that never answers fails by the deadline', async (mode) => {
    const sockets = new Set<Socket>();
    const silent: Server = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const redis = connectRedis({ url: `redis://127.0.0.1:${port}`, mode });
    const before = performance.now();
    await expect(withinDeadline(join(redis, 'p', 'a'))).rejects.toBeInstanceOf(RedisUnavailable);
    expect(performance.now() - before).toBeLessThan(3000);
    redis.disconnect();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  });
});

describe.concurrent('Redis alive, but not able to serve', () => {
  /** Every operation that a request or the loop makes. */
  const operations: [string, (redis: RedisClient) => Promise<unknown>][] = [
    ['join', (redis) => join(redis, 'p', 'kim')],
    ['status', (redis) => status(redis, 'p', 'kim')],
    ['info', (redis) => info(redis, 'p')],
    ['init-stock', (redis) => initStock(redis, 'p', 5)],
    ['control', (redis) => control(redis, 'p', { action: 'pause' })],
    ['drain', (redis) => drain(redis, 'p', pace)],
    ['issue', (redis) => issue(redis, 'p', ['kim'])],
  ];

  /** Expects all of them to be refused as unavailable, with an error that names no user: it is going to be logged. */
  async function expectUnavailable(redis: RedisClient): Promise<void> {
    for (const [name, operation] of operations) {
      const error: unknown = await operation(redis).catch((error: unknown) => error);
      expect(error, name).toBeInstanceOf(RedisUnavailable);
      expect(inspect(error, { depth: 9 }), name).not.toContain('kim');
    }
  }

  test.each(['cluster', 'single'] as const)('%s: without its slots (CLUSTERDOWN) it is unavailable for every operation', async (mode) => {
    const server = await startRedis({ dataDir: path.join(folder, `down-${mode}`) });
    const redis = connectRedis({ url: server.url, mode });
    await initStock(redis, 'p', 5);
    await join(redis, 'p', 'kim');
    const operator = new Redis(server.url);
    await operator.cluster('DELSLOTS', await operator.cluster('KEYSLOT', keysOf('p').stock), await operator.cluster('KEYSLOT', PROMOTIONS_KEY));
    await expectUnavailable(redis);
    operator.disconnect();
    redis.disconnect();
    await server.stop();
  });

  test('loading its data it is unavailable for every operation', async () => {
    const slow = ['--enable-debug-command', 'yes', '--key-load-delay', '10000', '--loading-process-events-interval-bytes', '1024'];
    const server = await startRedis({ dataDir: path.join(folder, 'loading'), extraArgs: slow });
    const redis = connectRedis({ url: server.url, mode: 'single' });
    await initStock(redis, 'p', 5);
    await join(redis, 'p', 'kim');
    // It looks up from loading after each of these, and takes 10 ms for one.
    await redis.mset(Object.fromEntries(users(300).map((user) => [`{p}${user}`, 'x'.repeat(1100)])));
    const operator = new Redis(server.url);
    const reload = operator.call('DEBUG', 'RELOAD').catch(() => undefined);
    await vi.waitUntil(() => redis.get('{p}').then(() => false, (error: Error) => error.message.startsWith('LOADING')), { timeout: 5000, interval: 5 });
    await expectUnavailable(redis);
    await reload;
    expect(await join(redis, 'p', 'kim')).toMatchObject({ kind: 'WAITING' });
    operator.disconnect();
    redis.disconnect();
    await server.stop();
  });

  test('frozen: a command without a deadline of its own ends all the same', async () => {
    const server = await startRedis({ dataDir: path.join(folder, 'frozen') });
    const redis = connectRedis({ url: server.url, mode: 'cluster' });
    await initStock(redis, 'p', 5);
    process.kill(server.pid, 'SIGSTOP');
    const before = performance.now();
    await expect(drain(redis, 'p', pace)).rejects.toBeInstanceOf(RedisUnavailable);
    expect(performance.now() - before).toBeLessThan(4000);
    process.kill(server.pid, 'SIGCONT');
    redis.disconnect();
    await server.stop();
  });
});

describe.concurrent('an answer that is an error', () => {
  test('keeps its words and names no user', async () => {
    const server = await startRedis({ dataDir: path.join(folder, 'wrong-type') });
    const redis = connectRedis({ url: server.url, mode: 'cluster' });
    await initStock(redis, 'p', 5);
    await redis.del(keysOf('p').promotion);
    await redis.lpush(keysOf('p').promotion, 'x');
    for (const operation of [() => status(redis, 'p', 'kim'), () => join(redis, 'p', 'kim')]) {
      const error: unknown = await operation().catch((error: unknown) => error);
      expect(error).not.toBeInstanceOf(RedisUnavailable);
      expect(inspect(error, { depth: 9 })).toMatch(/^(?!.*kim).*WRONGTYPE/s);
    }
    redis.disconnect();
    await server.stop();
  });
});

describe.concurrent('Redis full', () => {
  test('joins and new promotions are refused as unavailable; drain, issue, sweep, control and retire go on to the end', async ({ expect }) => {
    const server = await startRedis({ dataDir: path.join(folder, 'full') });
    const redis = connectRedis({ url: server.url, mode: 'cluster' });
    await initStock(redis, 'p', 5);
    for (const user of users(20)) await join(redis, 'p', user);
    await redis.config('SET', 'maxmemory', '1');
    await expect(join(redis, 'p', 'late')).rejects.toBeInstanceOf(RedisUnavailable);
    await expect(initStock(redis, 'q', 1)).rejects.toBeInstanceOf(RedisUnavailable);
    const first = await drain(redis, 'p', { ...pace, drainIntervalMs: 1 });
    expect(first).toMatchObject({ admitted: users(5) });
    expect((await issue(redis, 'p', users(5))).completed).toBe(5);
    await expect.poll(() => drain(redis, 'p', { ...pace, drainIntervalMs: 1 })).toMatchObject({ soldOutLine: 15 });
    expect(await sweep(redis, 'p')).toMatchObject({ failed: 15, left: 0 });
    expect(await status(redis, 'p', 'u1')).toEqual({ kind: 'COMPLETED' });
    expect(await status(redis, 'p', 'u6')).toEqual({ kind: 'FAILED' });
    expect(await status(redis, 'p', 'late')).toEqual({ kind: 'NOT_IN_QUEUE' });
    expect(await info(redis, 'p')).toMatchObject({ completedCount: 5, failedCount: 15 });
    expect(await control(redis, 'p', { action: 'close' })).toMatchObject({ kind: 'APPLIED' });
    await control(redis, 'p', { action: 'remove' });
    expect(await retire(redis, 'p')).toMatchObject({ kind: 'RETIRED', users: 20 });
    expect(await retire(redis, 'p')).toEqual({ kind: 'GONE' });
    await redis.config('SET', 'maxmemory', '0');
    redis.disconnect();
    await server.stop();
  });
});
