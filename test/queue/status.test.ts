import { describe, expect, test } from 'vitest';
import { info } from '../../lambda/queue/info.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { keysOf, userStatusKey } from '../../lambda/queue/keys.ts';
import type { RedisClient } from '../../lambda/queue/redis.ts';
import { status } from '../../lambda/queue/status.ts';
import { uniquePromotionId } from '../redis-for-tests.ts';
import { drainNow, promotionWith, redisForFile, users } from './promotion-for-test.ts';

const redis = redisForFile();

describe('status', () => {
  test('tells each where they stand', async () => {
    const p = await promotionWith(redis, 3, users(5));
    await drainNow(redis, p, { batchSize: 2 });
    await issue(redis, p, ['u1']);
    expect(await status(redis, p, 'u1')).toEqual({ kind: 'COMPLETED' });
    expect(await status(redis, p, 'u2')).toEqual({ kind: 'PROCESSING' });
    expect(await status(redis, p, 'u5')).toEqual({ kind: 'WAITING', position: 3, totalWaiting: 3 });
    expect(await status(redis, p, 'stranger')).toEqual({ kind: 'NOT_IN_QUEUE' });
    expect(await status(redis, uniquePromotionId(), 'u1')).toEqual({ kind: 'NOT_IN_QUEUE' });
  });

  test('one user with a broken status hurts nobody else', async () => {
    const p = await promotionWith(redis, 3, users(2));
    await redis.multi().del(userStatusKey(p, 'u1')).rpush(userStatusKey(p, 'u1'), 'x').exec();
    await expect(status(redis, p, 'u1')).rejects.toThrow('WRONGTYPE');
    expect(await status(redis, p, 'u2')).toMatchObject({ kind: 'WAITING', position: 2 });
    await redis.set(userStatusKey(p, 'u1'), 'waiting');
    await expect(status(redis, p, 'u1')).rejects.toThrow('should not');
  });
});

/** A client on which something happens just before one command of a poll's pipeline. */
function interrupted(before: string, happens: () => Promise<unknown>): RedisClient {
  const pipeline = (commands: [string, ...string[]][]) => ({
    async exec() {
      const results: [null, unknown][] = [];
      for (const [name, ...words] of commands) {
        if (name === before) await happens();
        results.push([null, await redis.call(name, ...words)]);
      }
      return results;
    },
  });
  return { status: 'ready', pipeline, multi: redis.multi.bind(redis) } as unknown as RedisClient;
}

describe('a poll whose reads lie apart', () => {
  test('by an admission: still in line, or in processing, never lost', async () => {
    const p = await promotionWith(redis, 3, users(5));
    const admit = () => drainNow(redis, p, { batchSize: 2 });
    expect(await status(interrupted('get', admit), p, 'u1')).toEqual({ kind: 'PROCESSING' });
    expect(await status(interrupted('llen', admit), p, 'u3')).toEqual({ kind: 'WAITING', position: 1, totalWaiting: 2 });
  });

  test('by the sell-out: lost, as a second look says', async () => {
    const p = await promotionWith(redis, 1, users(3));
    await issue(redis, p, (await drainNow(redis, p)).admitted);
    const sellOut = () => drainNow(redis, p);
    expect(await status(interrupted('llen', sellOut), p, 'u3')).toMatchObject({ kind: 'WAITING', position: 2, totalWaiting: 2 });
    expect(await status(interrupted('get', sellOut), p, 'u3')).toEqual({ kind: 'FAILED' });
  });

  test('where keys seem to be missing, since their slot is moving, the answer is that of one instant', async () => {
    const p = await promotionWith(redis, 3, users(2));
    const elsewhere = { status: 'ready', pipeline: () => ({ exec: async () => [[null, [null, null, null]], [null, 'WAITING'], [null, 0]] }), multi: redis.multi.bind(redis) };
    expect(await status(elsewhere as unknown as RedisClient, p, 'u2')).toMatchObject({ kind: 'WAITING', position: 2 });
  });
});

describe('info', () => {
  test('derives its counts', async () => {
    const p = await promotionWith(redis, 3, users(9));
    await issue(redis, p, (await drainNow(redis, p, { batchSize: 2 })).admitted);
    await drainNow(redis, p, { batchSize: 1 });
    expect(await info(redis, p)).toEqual({
      currentStock: 1,
      queueSize: 6,
      processingCount: 1,
      initialStock: 3,
      completedCount: 2,
      failedCount: 0,
      state: 'OPEN',
    });
    await issue(redis, p, ['u3']);
    await drainNow(redis, p);
    expect(await info(redis, p)).toMatchObject({ currentStock: 0, queueSize: 0, completedCount: 3, failedCount: 6 });
  });

  test('a broken number is an error, not a number', async () => {
    const p = await promotionWith(redis, 3);
    await redis.set(keysOf(p).stock, '1e3');
    await expect(info(redis, p)).rejects.toThrow('stock is not a whole number');
  });
});
