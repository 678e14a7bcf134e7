import { describe, expect, test } from 'vitest';
import { control } from '../../lambda/queue/control.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf, userStatusKey } from '../../lambda/queue/keys.ts';
import { snapshot } from '../invariants.ts';
import { uniquePromotionId } from '../redis-for-tests.ts';
import { drainNow, dump, expectPromisesKept, promotionWith, redisForFile, users } from './promotion-for-test.ts';

const redis = redisForFile();

/** Who has got a coupon, in ticket order. */
async function completedOf(promotionId: string): Promise<string[]> {
  const { tickets, statuses } = await snapshot(redis, promotionId);
  return [...tickets].toSorted((a, b) => a[1] - b[1]).flatMap(([user]) => (statuses.get(user) === 'COMPLETED' ? [user] : []));
}

describe('issue', () => {
  test('takes one unit each and completes them', async () => {
    const p = await promotionWith(redis, 5, users(3));
    await drainNow(redis, p);
    expect(await issue(redis, p, ['u3', 'u1'])).toEqual({ completed: 2, failed: 0, released: [], soldOut: false });
    expect(await completedOf(p)).toEqual(['u1', 'u3']);
    expect((await snapshot(redis, p)).stock).toBe(3);
    await expectPromisesKept(redis, p);
  });

  test('messages twice, shuffled, split and all at once: one coupon each', async () => {
    const p = await promotionWith(redis, 20, users(30));
    const { admitted } = await drainNow(redis, p);
    const again = [admitted.toReversed(), admitted.slice(5, 15), [...admitted, ...admitted], admitted.slice(0, 7)];
    const outcomes = await Promise.all(again.map((message) => issue(redis, p, message)));
    expect(outcomes.reduce((sum, { completed }) => sum + completed, 0)).toBe(admitted.length);
    expect(await completedOf(p)).toEqual(admitted);
    const after = await snapshot(redis, p);
    expect(after.stock).toBe(0);
    expect(after.processing).toEqual([]);
    await expectPromisesKept(redis, p);
  });

  test('a user who stands in a message twice gets one coupon', async () => {
    const p = await promotionWith(redis, 5, users(2));
    await drainNow(redis, p);
    expect(await issue(redis, p, ['u1', 'u1', 'u2', 'u1'])).toEqual({ completed: 2, failed: 0, released: [], soldOut: false });
    expect(await completedOf(p)).toEqual(['u1', 'u2']);
    expect((await snapshot(redis, p)).stock).toBe(3);
    await expectPromisesKept(redis, p);
  });

  test('who is not in processing is left alone, whatever the message says', async () => {
    const p = await promotionWith(redis, 5, users(2));
    await drainNow(redis, p, { batchSize: 1 });
    await issue(redis, p, ['u1']);
    const before = await dump(redis, p);
    expect(await issue(redis, p, ['u1', 'u2', 'stranger'])).toEqual({ completed: 0, failed: 0, released: [], soldOut: false });
    expect(await dump(redis, p)).toEqual(before);
    expect(await redis.exists(userStatusKey(p, 'stranger'))).toBe(0);
    const unknown = uniquePromotionId();
    expect(await issue(redis, unknown, ['u1'])).toEqual({ completed: 0, failed: 0, released: [], soldOut: false });
    expect(await issue(redis, unknown, [])).toEqual({ completed: 0, failed: 0, released: [], soldOut: false });
  });

  test('the stock is never negative: without a unit the user fails', async () => {
    const p = await promotionWith(redis, 2, users(2));
    await drainNow(redis, p);
    await redis.set(keysOf(p).stock, '1');
    expect(await issue(redis, p, users(2))).toEqual({ completed: 1, failed: 1, released: [], soldOut: true });
    expect(await completedOf(p)).toEqual(['u1']);
    expect(await redis.get(userStatusKey(p, 'u2'))).toBe('FAILED');
    expect(await redis.get(keysOf(p).stock)).toBe('0');
  });

  test('who takes the last coupon is told so, once, and once more after a restock', async () => {
    const p = await promotionWith(redis, 2, users(2));
    await drainNow(redis, p);
    expect(await issue(redis, p, ['u1'])).toMatchObject({ completed: 1, soldOut: false });
    expect(await issue(redis, p, users(2))).toMatchObject({ completed: 1, soldOut: true });
    expect(await issue(redis, p, users(2))).toMatchObject({ completed: 0, soldOut: false });
    expect(await control(redis, p, { action: 'restock', quantity: 1, requestId: 'more' })).toMatchObject({ kind: 'APPLIED' });
    await join(redis, p, 'u3');
    await drainNow(redis, p);
    expect(await issue(redis, p, ['u3'])).toMatchObject({ completed: 1, soldOut: true });
  });

  test('one in processing whose status is final goes without a coupon', async () => {
    const p = await promotionWith(redis, 5, users(3));
    await drainNow(redis, p);
    await redis.set(userStatusKey(p, 'u1'), 'COMPLETED');
    await redis.set(userStatusKey(p, 'u2'), 'FAILED');
    expect(await issue(redis, p, users(3))).toEqual({ completed: 1, failed: 0, released: ['u1', 'u2'], soldOut: false });
    expect(await redis.get(userStatusKey(p, 'u3'))).toBe('COMPLETED');
    expect((await snapshot(redis, p)).stock).toBe(4);
    expect((await snapshot(redis, p)).processing).toEqual([]);
    expect((await snapshot(redis, p)).leases).toEqual([]);
  });

  test('a key of the wrong type or a number that is none stops it before it has written', async () => {
    const k = keysOf;
    for (const corrupt of [
      (p: string) => redis.multi().del(k(p).processing).set(k(p).processing, 'x').exec(),
      (p: string) => redis.multi().del(k(p).lease).set(k(p).lease, 'x').exec(),
      (p: string) => redis.set(k(p).stock, '5.0'),
      (p: string) => redis.multi().del(k(p).stock).sadd(k(p).stock, 'x').exec(),
    ]) {
      const p = await promotionWith(redis, 5, users(3));
      await drainNow(redis, p);
      await corrupt(p);
      const before = await dump(redis, p);
      await expect(issue(redis, p, users(3)), corrupt.toString()).rejects.toThrow(/WRONGTYPE|is not a whole number/);
      expect(await dump(redis, p), corrupt.toString()).toEqual(before);
    }
  });
});
