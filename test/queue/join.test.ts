import { describe, expect, test } from 'vitest';
import { control } from '../../lambda/queue/control.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf, userStatusKey } from '../../lambda/queue/keys.ts';
import { snapshot } from '../invariants.ts';
import { uniquePromotionId } from '../redis-for-tests.ts';
import { drainNow, dump, expectPromisesKept, promotionWith, redisForFile, users } from './promotion-for-test.ts';

const redis = redisForFile();

describe('join', () => {
  test('gives places in the order of arrival', async () => {
    const p = await promotionWith(redis, 10);
    for (const [i, user] of users(5).entries()) expect(await join(redis, p, user)).toEqual({ kind: 'WAITING', position: i + 1 });
    expect((await snapshot(redis, p)).line).toEqual(users(5));
    await expectPromisesKept(redis, p);
  });

  test('the public keys hold what the contract says', async () => {
    const p = await promotionWith(redis, 7, ['kim']);
    expect(await redis.lrange(`coupon:waiting_queue:{${p}}`, 0, -1)).toEqual(['kim']);
    expect(await redis.get(`coupon:user_status:{${p}}:kim`)).toBe('WAITING');
    expect(await redis.get(`{${p}}`)).toBe('7');
    await drainNow(redis, p);
    expect(await redis.smembers(`coupon:processing:{${p}}`)).toEqual(['kim']);
    expect(await redis.get(`coupon:user_status:{${p}}:kim`)).toBe('PROCESSING');
    await issue(redis, p, ['kim']);
    expect(await redis.get(`coupon:user_status:{${p}}:kim`)).toBe('COMPLETED');
    expect(await redis.get(`{${p}}`)).toBe('6');
  });

  test('twice is once, also at the same instant', async () => {
    const p = await promotionWith(redis, 10, ['a']);
    const answers = await Promise.all(Array.from({ length: 20 }, () => join(redis, p, 'b')));
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(new Set([JSON.stringify({ kind: 'WAITING', position: 2 })]));
    expect((await snapshot(redis, p)).line).toEqual(['a', 'b']);
  });

  test('a known user learns the present state, and nothing is written', async () => {
    const p = await promotionWith(redis, 3, users(4));
    await drainNow(redis, p, { batchSize: 2 });
    await issue(redis, p, ['u1']);
    const before = await dump(redis, p);
    expect(await join(redis, p, 'u1')).toEqual({ kind: 'COMPLETED' });
    expect(await join(redis, p, 'u2')).toEqual({ kind: 'PROCESSING' });
    expect(await join(redis, p, 'u3')).toEqual({ kind: 'WAITING', position: 1 });
    expect(await join(redis, p, 'u4')).toEqual({ kind: 'WAITING', position: 2 });
    expect(await dump(redis, p)).toEqual(before);
  });

  test('an unknown promotion, one sold out and one closed take nobody in and write nothing', async () => {
    const unknown = uniquePromotionId();
    expect(await join(redis, unknown, 'a')).toEqual({ kind: 'NOT_FOUND' });
    expect(await redis.exists(userStatusKey(unknown, 'a'))).toBe(0);

    const soldOut = await promotionWith(redis, 0);
    const closed = await promotionWith(redis, 5, ['a']);
    await control(redis, closed, { action: 'close' });
    for (const [p, kind] of [[soldOut, 'SOLD_OUT'], [closed, 'CLOSED']] as const) {
      const before = await dump(redis, p);
      expect(await join(redis, p, 'late')).toEqual({ kind });
      expect(await dump(redis, p)).toEqual(before);
      expect(await redis.exists(userStatusKey(p, 'late'))).toBe(0);
    }
    expect(await join(redis, closed, 'a')).toEqual({ kind: 'FAILED' });
  });

  test('a restock opens the line again, and tickets go on where they were', async () => {
    const p = await promotionWith(redis, 1, users(3));
    await drainNow(redis, p);
    await issue(redis, p, ['u1']);
    await drainNow(redis, p);
    expect(await join(redis, p, 'new')).toEqual({ kind: 'SOLD_OUT' });
    await control(redis, p, { action: 'restock', quantity: 1, requestId: 'r1' });
    expect(await join(redis, p, 'u2')).toEqual({ kind: 'FAILED' });
    expect(await join(redis, p, 'new')).toEqual({ kind: 'WAITING', position: 1 });
    expect((await snapshot(redis, p)).tickets.get('new')).toBe(4);
    await expectPromisesKept(redis, p);
  });

  test('a key of the wrong type or a number that is none stops it before it has written', async () => {
    const k = keysOf;
    const corruptions: ((p: string) => Promise<unknown>)[] = [
      (p) => redis.set(k(p).waitingQueue, 'x'),
      (p) => redis.set(k(p).promotion, 'x'),
      (p) => redis.multi().del(k(p).stock).rpush(k(p).stock, 'x').exec(),
      (p) => redis.set(k(p).stock, '1e3'),
      (p) => redis.set(k(p).stock, '0x10'),
      (p) => redis.set(k(p).stock, '-1'),
      (p) => redis.set(k(p).stock, ' 1'),
      (p) => redis.del(k(p).stock),
      (p) => redis.hset(k(p).promotion, '#nowServing', 'x'),
      (p) => redis.rpush(userStatusKey(p, 'a'), 'x'),
    ];
    for (const corrupt of corruptions) {
      const p = await promotionWith(redis, 5);
      await corrupt(p);
      const before = await dump(redis, p);
      await expect(join(redis, p, 'a'), corrupt.toString()).rejects.toThrow(/WRONGTYPE|is not a whole number/);
      expect(await dump(redis, p), corrupt.toString()).toEqual(before);
    }
  });
});
