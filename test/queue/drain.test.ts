import { describe, expect, test } from 'vitest';
import { control } from '../../lambda/queue/control.ts';
import { drain } from '../../lambda/queue/drain.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf, userStatusKey } from '../../lambda/queue/keys.ts';
import type { RedisClient } from '../../lambda/queue/redis.ts';
import { status } from '../../lambda/queue/status.ts';
import { snapshot } from '../invariants.ts';
import { uniquePromotionId } from '../redis-for-tests.ts';
import { drainNow, dump, expectPromisesKept, pace, promotionWith, redisForFile, users } from './promotion-for-test.ts';

const redis = redisForFile();

/** Server time (µs). */
async function microsOf(redis: RedisClient): Promise<number> {
  const [seconds = 0, micros = 0] = ((await redis.eval("return redis.call('TIME')", 1, '{t}')) as string[]).map(Number);
  return seconds * 1e6 + micros;
}

describe('drain', () => {
  test('admits the head of the line, reserves their stock, and moves everyone up', async () => {
    const p = await promotionWith(redis, 10, users(7));
    const outcome = await drainNow(redis, p, { batchSize: 3 });
    expect(outcome).toEqual({ kind: 'DRAINED', waitMs: expect.any(Number), state: 'OPEN', resting: false, soldOutLine: 0, admitted: users(3), resent: [], dropped: [], nowServing: 3 });
    expect(await status(redis, p, 'u4')).toEqual({ kind: 'WAITING', position: 1, totalWaiting: 4 });
    expect(await status(redis, p, 'u3')).toEqual({ kind: 'PROCESSING' });
    await expectPromisesKept(redis, p);
  });

  test('at most once per interval, whoever asks, and not due changes nothing', async () => {
    const p = await promotionWith(redis, 1000, users(50));
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => drain(redis, p, { ...pace, batchSize: 10 })));
    expect(outcomes.filter((outcome) => outcome.kind === 'DRAINED')).toHaveLength(1);
    for (const outcome of outcomes) if (outcome.kind === 'NOT_DUE') expect(outcome.waitMs).toBeGreaterThan(0);
    const before = await dump(redis, p);
    expect(await drain(redis, p, pace)).toMatchObject({ kind: 'NOT_DUE' });
    expect(await dump(redis, p)).toEqual(before);
    expect((await snapshot(redis, p)).processing).toHaveLength(10);
  });

  test('says to a µs how long to wait', async () => {
    const p = await promotionWith(redis, 30, users(21));
    const waits: number[] = [];
    for (let i = 0; i < 20; i++) waits.push((await drainNow(redis, p, { batchSize: 1 })).waitMs);
    // Due with the ms in which the interval is over.
    for (const waitMs of waits) expect(waitMs > 999 && waitMs <= 1000, `${waitMs}`).toBe(true);
    expect(waits.some((waitMs) => waitMs !== Math.round(waitMs))).toBe(true);
    const before = await microsOf(redis);
    const outcome = await drain(redis, p, pace);
    const after = await microsOf(redis);
    const dueMicros = Number(await redis.hget(keysOf(p).promotion, '#nextDrainAtMs')) * 1000;
    const waitMicros = outcome.kind === 'NOT_DUE' ? Math.round(outcome.waitMs * 1000) : Number.NaN;
    expect(waitMicros).toBeLessThanOrEqual(dueMicros - before);
    expect(waitMicros).toBeGreaterThanOrEqual(dueMicros - after);
  });

  test('is due once its time has come, and also when the clock was set back', async () => {
    const p = await promotionWith(redis, 10, users(2));
    await drainNow(redis, p, { batchSize: 1, drainIntervalMs: 50 });
    const first = await drain(redis, p, { ...pace, batchSize: 1, drainIntervalMs: 50 });
    expect(first.kind).toBe('NOT_DUE');
    await expect.poll(() => drain(redis, p, { ...pace, batchSize: 1, drainIntervalMs: 50 }), { interval: 10 }).toMatchObject({ admitted: ['u2'] });
    await redis.hset(keysOf(p).promotion, '#nextDrainAtMs', String(Date.now() + 3_600_000));
    expect((await drain(redis, p, pace)).kind).toBe('DRAINED');
  });

  test('never admits more than stock, in-flight limit or batch allow', async () => {
    const p = await promotionWith(redis, 30, users(100));
    expect((await drainNow(redis, p, { batchSize: 20, maxInFlight: 25 })).admitted).toHaveLength(20);
    expect((await drainNow(redis, p, { batchSize: 20, maxInFlight: 25 })).admitted).toHaveLength(5);
    expect((await drainNow(redis, p, { batchSize: 20, maxInFlight: 25 })).admitted).toHaveLength(0);
    expect((await drainNow(redis, p, { batchSize: 20, maxInFlight: 1000 })).admitted).toHaveLength(5);
    const last = await drainNow(redis, p);
    expect(last).toMatchObject({ admitted: [], soldOutLine: 0 });
    await expectPromisesKept(redis, p);
  });

  test('the largest batch fits', async () => {
    const p = await promotionWith(redis, 3000);
    const crowd = users(1500);
    await Promise.all(crowd.map((user) => join(redis, p, user)));
    const order = (await snapshot(redis, p)).line;
    expect((await drainNow(redis, p, { batchSize: 1000, maxInFlight: 10_000 })).admitted).toEqual(order.slice(0, 1000));
    await expectPromisesKept(redis, p);
    // All of them lapse at once: a full batch is sent again beside the next one.
    for (const user of order.slice(0, 1000)) await redis.zadd(keysOf(p).lease, 1, user);
    const next = await drainNow(redis, p, { batchSize: 1000, maxInFlight: 10_000 });
    expect(next.admitted).toHaveLength(500);
    expect(next.resent).toHaveLength(1000);
    await expectPromisesKept(redis, p);
  });

  test('a lapsed lease is handed out again, oldest first, at most a batch, with a fresh lease', async () => {
    const p = await promotionWith(redis, 10, users(5));
    await drainNow(redis, p);
    const lease = keysOf(p).lease;
    await redis.zadd(lease, 30, 'u1', 10, 'u2', 20, 'u3');
    expect((await drainNow(redis, p, { batchSize: 2 })).resent).toEqual(['u2', 'u3']);
    expect((await drainNow(redis, p, { batchSize: 2 })).resent).toEqual(['u1']);
    expect((await drainNow(redis, p, { batchSize: 2 })).resent).toEqual([]);
    for (const user of users(5)) expect(Number(await redis.zscore(lease, user))).toBeGreaterThan(Date.now() + 30_000);
    await expectPromisesKept(redis, p);
  });

  test('a lease far ahead, from before the clock was set back, has lapsed too', async () => {
    const p = await promotionWith(redis, 10, users(2));
    await drainNow(redis, p);
    await redis.zadd(keysOf(p).lease, Date.now() + 3_600_000, 'u2');
    expect((await drainNow(redis, p)).resent).toEqual(['u2']);
  });

  test('sold out: the whole line has lost at that instant, by two writes', async () => {
    const p = await promotionWith(redis, 30, users(100));
    const { admitted } = await drainNow(redis, p);
    expect(admitted).toEqual(users(30));
    expect((await drainNow(redis, p)).soldOutLine).toBe(0);
    expect(await status(redis, p, 'u31')).toMatchObject({ kind: 'WAITING', position: 1 });
    await issue(redis, p, admitted);
    expect((await drainNow(redis, p)).soldOutLine).toBe(70);
    for (const user of users(70, 31)) expect(await status(redis, p, user)).toEqual({ kind: 'FAILED' });
    expect(await join(redis, p, 'u100')).toEqual({ kind: 'FAILED' });
    expect(await redis.get(userStatusKey(p, 'u100'))).toBe('WAITING');
    await expectPromisesKept(redis, p);
  });

  test('a line that forms after a restock waits for the sweep of the earlier one, then fails like it', async () => {
    const p = await promotionWith(redis, 1, users(3));
    await issue(redis, p, (await drainNow(redis, p)).admitted);
    expect((await drainNow(redis, p)).soldOutLine).toBe(2);
    await control(redis, p, { action: 'restock', quantity: 1, requestId: 'r' });
    for (const user of ['x', 'y']) await join(redis, p, user);
    expect((await drainNow(redis, p)).admitted).toEqual(['x']);
    await issue(redis, p, ['x']);
    expect(await drainNow(redis, p)).toMatchObject({ soldOutLine: 2 });
    expect(await status(redis, p, 'y')).toMatchObject({ kind: 'WAITING', position: 1 });
    await redis.del(keysOf(p).soldOutQueue);
    expect(await drainNow(redis, p)).toMatchObject({ soldOutLine: 1 });
    expect(await status(redis, p, 'y')).toEqual({ kind: 'FAILED' });
  });

  test('paused admits nobody, but sends lapsed leases again', async () => {
    const p = await promotionWith(redis, 10, users(4));
    await drainNow(redis, p, { batchSize: 1 });
    await control(redis, p, { action: 'pause' });
    await redis.zadd(keysOf(p).lease, 1, 'u1');
    expect(await drainNow(redis, p)).toMatchObject({ admitted: [], resent: ['u1'], state: 'PAUSED' });
    await control(redis, p, { action: 'resume' });
    expect((await drainNow(redis, p)).admitted).toEqual(['u2', 'u3', 'u4']);
  });

  test('closed: the line fails, the admitted finish', async () => {
    const p = await promotionWith(redis, 10, users(4));
    await drainNow(redis, p, { batchSize: 1 });
    await control(redis, p, { action: 'close' });
    expect(await drainNow(redis, p)).toMatchObject({ admitted: [], soldOutLine: 3, state: 'CLOSED' });
    expect((await issue(redis, p, ['u1'])).completed).toBe(1);
    await expectPromisesKept(redis, p);
  });

  test('one bad user never holds up others: who is no longer waiting is taken out and reported', async () => {
    const p = await promotionWith(redis, 10, users(7));
    await redis.set(userStatusKey(p, 'u1'), 'COMPLETED');
    await redis.set(userStatusKey(p, 'u2'), 'FAILED');
    await redis.del(userStatusKey(p, 'u3'));
    await redis.multi().del(userStatusKey(p, 'u4')).rpush(userStatusKey(p, 'u4'), 'x').exec();
    await redis.set(userStatusKey(p, 'u6'), 'PROCESSING');
    await redis.multi().del(userStatusKey(p, 'u7')).sadd(keysOf(p).processing, 'u7').exec();
    await redis.rpush(keysOf(p).waitingQueue, 'u5');
    const outcome = await drainNow(redis, p);
    // Who stood in line twice, or was in processing already, is admitted; neither can make two coupons out of one user.
    expect(outcome).toMatchObject({ admitted: ['u3', 'u4', 'u5', 'u7', 'u5'], dropped: ['u1', 'u2', 'u6'] });
    expect((await issue(redis, p, outcome.admitted)).completed).toBe(4);
    expect((await snapshot(redis, p)).stock).toBe(6);
    expect(await redis.get(userStatusKey(p, 'u4'))).toBe('COMPLETED');
    // All eight that stood in line have left it, so no ticket is given twice.
    expect(await join(redis, p, 'next')).toEqual({ kind: 'WAITING', position: 1 });
    expect((await snapshot(redis, p)).tickets.get('next')).toBe(9);
  });

  test('writes nothing where nothing moves: nobody there, paused, no room, or everyone in processing', async () => {
    const idle = await promotionWith(redis, 10);
    const paused = await promotionWith(redis, 10, users(2));
    await control(redis, paused, { action: 'pause' });
    const full = await promotionWith(redis, 2, users(3));
    await drainNow(redis, full, { batchSize: 1 });
    const reserved = await promotionWith(redis, 2, users(3));
    await drainNow(redis, reserved);
    for (const p of [full, reserved]) await redis.hset(keysOf(p).promotion, '#nextDrainAtMs', '0');
    for (const [p, state] of [[idle, 'OPEN'], [paused, 'PAUSED'], [full, 'OPEN'], [reserved, 'OPEN']] as const) {
      const before = await dump(redis, p);
      const nothing = { kind: 'DRAINED', waitMs: expect.any(Number), state, resting: p === idle, soldOutLine: 0, admitted: [], resent: [], dropped: [], nowServing: { [idle]: 0, [paused]: 0, [full]: 1, [reserved]: 2 }[p] };
      for (let i = 0; i < 3; i++) expect(await drain(redis, p, { ...pace, maxInFlight: 1 })).toEqual(nothing);
      expect(await dump(redis, p)).toEqual(before);
    }
    // So who comes next is admitted by the next drain, whenever that is, and only then an interval begins.
    await join(redis, idle, 'a');
    await join(redis, idle, 'b');
    expect(await drain(redis, idle, { ...pace, batchSize: 1 })).toMatchObject({ admitted: ['a'] });
    expect(await drain(redis, idle, { ...pace, batchSize: 1 })).toMatchObject({ kind: 'NOT_DUE' });
  });

  test('leases are a skip list also when there are few, and hold nobody but those in processing', async () => {
    const p = await promotionWith(redis, 10, users(4));
    await drainNow(redis, p, { batchSize: 2 });
    expect(await redis.object('ENCODING', keysOf(p).lease)).toBe('skiplist');
    expect(await redis.zrange(keysOf(p).lease, '0', '-1')).toEqual(users(2));
    await drainNow(redis, p);
    expect(await redis.zrange(keysOf(p).lease, '0', '-1')).toEqual(users(4));
  });

  test('an unknown promotion is not found', async () => {
    expect(await drain(redis, uniquePromotionId(), pace)).toEqual({ kind: 'NOT_FOUND' });
  });

  test('a key of the wrong type or a number that is none stops it before it has written', async () => {
    const k = keysOf;
    for (const corrupt of [
      (p: string) => redis.multi().del(k(p).waitingQueue).set(k(p).waitingQueue, 'x').exec(),
      (p: string) => redis.set(k(p).processing, 'x'),
      (p: string) => redis.set(k(p).lease, 'x'),
      (p: string) => redis.set(k(p).soldOutQueue, 'x'),
      (p: string) => redis.set(k(p).stock, 'NaN'),
      (p: string) => redis.del(k(p).stock),
      (p: string) => redis.hset(k(p).promotion, '#nowServing', '1.5'),
      (p: string) => redis.hset(k(p).promotion, '#nextDrainAtMs', ''),
    ]) {
      const p = await promotionWith(redis, 5, users(3));
      await corrupt(p);
      const before = await dump(redis, p);
      await expect(drain(redis, p, pace), corrupt.toString()).rejects.toThrow(/WRONGTYPE|is not a whole number/);
      expect(await dump(redis, p), corrupt.toString()).toEqual(before);
    }
  });
});
