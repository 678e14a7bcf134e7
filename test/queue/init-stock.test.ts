import { describe, expect, test } from 'vitest';
import { control } from '../../lambda/queue/control.ts';
import { info } from '../../lambda/queue/info.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf, PROMOTIONS_KEY } from '../../lambda/queue/keys.ts';
import { RedisUnavailable } from '../../lambda/queue/redis.ts';
import { uniquePromotionId } from '../redis-for-tests.ts';
import { dump, promotionWith, redisForFile } from './promotion-for-test.ts';

const redis = redisForFile();

describe('init-stock', () => {
  test('creates a promotion and registers it with the loop', async () => {
    const p = uniquePromotionId();
    const before = Date.now();
    expect(await initStock(redis, p, 1_000_000_000)).toEqual({ kind: 'SET', initialStock: 1_000_000_000 });
    expect(await redis.hgetall(keysOf(p).promotion)).toEqual({
      '#state': 'OPEN',
      '#initialStock': '1000000000',
      '#nowServing': '0',
      '#nextDrainAtMs': '0',
      '#createdAtMs': expect.stringMatching(/^\d{13}$/),
    });
    expect(await redis.get(keysOf(p).stock)).toBe('1000000000');
    expect(Number(await redis.zscore(PROMOTIONS_KEY, p))).toBeGreaterThanOrEqual(before);
  });

  test('registers first: one that breaks off half-way leaves nothing that nobody drains', async () => {
    const p = uniquePromotionId();
    let calls = 0;
    const breaksOff = new Proxy(redis, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'evalsha' && name !== 'eval') return value.bind(target);
        return (...args: unknown[]) => {
          calls += 1;
          return calls > 1 ? Promise.reject(new Error('Connection is closed.')) : Reflect.apply(value, target, args);
        };
      },
    });
    // The script is known to the server: one call each.
    await initStock(redis, uniquePromotionId(), 5);
    await expect(initStock(breaksOff, p, 5)).rejects.toBeInstanceOf(RedisUnavailable);
    expect(calls).toBe(2);
    expect(await redis.zscore(PROMOTIONS_KEY, p)).not.toBeNull();
    expect(await redis.exists(keysOf(p).promotion)).toBe(0);
  });

  test('sets the stock again while nobody has joined, and keeps a pause', async () => {
    const p = await promotionWith(redis, 5);
    await control(redis, p, { action: 'pause' });
    expect(await initStock(redis, p, 8)).toEqual({ kind: 'SET', initialStock: 8 });
    expect(await info(redis, p)).toMatchObject({ currentStock: 8, initialStock: 8, state: 'PAUSED' });
  });

  test('after the first join the same value changes nothing and another is refused', async () => {
    const p = await promotionWith(redis, 5, ['a']);
    await redis.set(keysOf(p).stock, '3');
    const before = await dump(redis, p);
    expect(await initStock(redis, p, 5)).toEqual({ kind: 'UNCHANGED', initialStock: 5 });
    expect(await initStock(redis, p, 6)).toEqual({ kind: 'IN_PROGRESS' });
    expect(await dump(redis, p)).toEqual(before);
  });

  test('the value in force counts restocks', async () => {
    const p = await promotionWith(redis, 5, ['a']);
    await control(redis, p, { action: 'restock', quantity: 2, requestId: 'r' });
    expect(await initStock(redis, p, 7)).toEqual({ kind: 'UNCHANGED', initialStock: 7 });
    expect(await initStock(redis, p, 5)).toEqual({ kind: 'IN_PROGRESS' });
  });

  test('a closed or removed promotion is not set again', async () => {
    const p = await promotionWith(redis, 5);
    await control(redis, p, { action: 'close' });
    expect(await initStock(redis, p, 6)).toEqual({ kind: 'CLOSED' });
    expect(await initStock(redis, p, 5)).toEqual({ kind: 'UNCHANGED', initialStock: 5 });
    await control(redis, p, { action: 'remove' });
    const before = await dump(redis, p);
    expect(await initStock(redis, p, 5)).toEqual({ kind: 'BEING_REMOVED' });
    expect(await dump(redis, p)).toEqual(before);
  });

  test('of many at once with different stocks one is in force, as a whole', async () => {
    const p = uniquePromotionId();
    await Promise.all([3, 4, 5, 6].map((stock) => initStock(redis, p, stock)));
    const numbers = await info(redis, p);
    expect(numbers?.initialStock).toBe(numbers?.currentStock);
    await join(redis, p, 'a');
    expect(await initStock(redis, p, (numbers?.initialStock ?? 0) + 1)).toEqual({ kind: 'IN_PROGRESS' });
  });

  test('keys of the wrong type, or users of a promotion without a state, stop it before it has written', async () => {
    const k = keysOf;
    for (const corrupt of [
      (p: string) => redis.set(k(p).promotion, 'x'),
      (p: string) => redis.set(k(p).waitingQueue, 'x'),
      (p: string) => redis.set(k(p).lease, 'x'),
      (p: string) => redis.rpush(k(p).stock, 'x'),
      (p: string) => redis.rpush(k(p).waitingQueue, 'somebody'),
      (p: string) => redis.hset(k(p).promotion, 'somebody', '1'),
    ]) {
      const p = uniquePromotionId();
      await corrupt(p);
      const before = await dump(redis, p);
      await expect(initStock(redis, p, 5), corrupt.toString()).rejects.toThrow(/WRONGTYPE|it has no state/);
      expect(await dump(redis, p), corrupt.toString()).toEqual(before);
    }
  });
});
