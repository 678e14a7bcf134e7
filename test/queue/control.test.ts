import { describe, expect, test } from 'vitest';
import { control } from '../../lambda/queue/control.ts';
import { info } from '../../lambda/queue/info.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf } from '../../lambda/queue/keys.ts';
import { status } from '../../lambda/queue/status.ts';
import { uniquePromotionId } from '../redis-for-tests.ts';
import { drainNow, dump, expectPromisesKept, promotionWith, redisForFile, users } from './promotion-for-test.ts';

const redis = redisForFile();

describe('control', () => {
  test('restock adds once per request id, also when both come at once', async () => {
    const p = await promotionWith(redis, 1, users(2));
    await Promise.all(Array.from({ length: 5 }, () => control(redis, p, { action: 'restock', quantity: 10, requestId: 'same' })));
    expect(await control(redis, p, { action: 'restock', quantity: 3, requestId: 'other' })).toEqual({
      kind: 'APPLIED',
      info: { currentStock: 14, queueSize: 2, processingCount: 0, initialStock: 14, completedCount: 0, failedCount: 0, state: 'OPEN' },
    });
    await expectPromisesKept(redis, p);
  });

  test('a restock after the sell-out lets newcomers win; who failed stays failed', async () => {
    const p = await promotionWith(redis, 1, users(3));
    await issue(redis, p, (await drainNow(redis, p)).admitted);
    await drainNow(redis, p);
    await control(redis, p, { action: 'restock', quantity: 1, requestId: 'r' });
    await join(redis, p, 'new');
    expect((await drainNow(redis, p)).admitted).toEqual(['new']);
    await issue(redis, p, ['new']);
    expect(await status(redis, p, 'u2')).toEqual({ kind: 'FAILED' });
    expect(await status(redis, p, 'new')).toEqual({ kind: 'COMPLETED' });
    await expectPromisesKept(redis, p);
  });

  test('pause, resume and close answer what holds, and repeating them changes nothing', async () => {
    const p = await promotionWith(redis, 5, ['a']);
    for (const [action, state] of [['resume', 'OPEN'], ['pause', 'PAUSED'], ['pause', 'PAUSED'], ['resume', 'OPEN'], ['close', 'CLOSED'], ['close', 'CLOSED']] as const) {
      expect(await control(redis, p, { action })).toMatchObject({ kind: 'APPLIED', info: { state } });
    }
    expect(await info(redis, p)).toMatchObject({ queueSize: 0, failedCount: 1, state: 'CLOSED' });
  });

  test('paused: users join as ever', async () => {
    const p = await promotionWith(redis, 5);
    await control(redis, p, { action: 'pause' });
    expect(await join(redis, p, 'a')).toEqual({ kind: 'WAITING', position: 1 });
  });

  test('closed: the line has lost at that instant, and closing is final', async () => {
    const p = await promotionWith(redis, 5, users(2));
    await control(redis, p, { action: 'restock', quantity: 1, requestId: 'before' });
    await control(redis, p, { action: 'close' });
    expect(await status(redis, p, 'u1')).toEqual({ kind: 'FAILED' });
    const before = await dump(redis, p);
    expect(await control(redis, p, { action: 'pause' })).toEqual({ kind: 'CLOSED' });
    expect(await control(redis, p, { action: 'resume' })).toEqual({ kind: 'CLOSED' });
    expect(await control(redis, p, { action: 'restock', quantity: 1, requestId: 'after' })).toEqual({ kind: 'CLOSED' });
    expect(await control(redis, p, { action: 'restock', quantity: 1, requestId: 'before' })).toMatchObject({ kind: 'APPLIED', info: { initialStock: 6 } });
    expect(await dump(redis, p)).toEqual(before);
  });

  test('remove needs a closed promotion, and hides it', async () => {
    const p = await promotionWith(redis, 5, users(2));
    expect(await control(redis, p, { action: 'remove' })).toEqual({ kind: 'NOT_CLOSED' });
    await control(redis, p, { action: 'pause' });
    expect(await control(redis, p, { action: 'remove' })).toEqual({ kind: 'NOT_CLOSED' });
    await control(redis, p, { action: 'close' });
    expect(await control(redis, p, { action: 'remove' })).toMatchObject({ kind: 'APPLIED' });
    expect(await control(redis, p, { action: 'remove' })).toEqual({ kind: 'NOT_FOUND' });
    expect(await join(redis, p, 'u1')).toEqual({ kind: 'NOT_FOUND' });
    expect(await status(redis, p, 'u1')).toEqual({ kind: 'NOT_IN_QUEUE' });
    expect(await info(redis, p)).toBeNull();
  });

  test('an unknown promotion is not found and nothing is written', async () => {
    const p = uniquePromotionId();
    for (const action of ['pause', 'resume', 'close', 'remove'] as const) expect(await control(redis, p, { action })).toEqual({ kind: 'NOT_FOUND' });
    expect(await control(redis, p, { action: 'restock', quantity: 1, requestId: 'r' })).toEqual({ kind: 'NOT_FOUND' });
    expect(new Set(Object.values(await dump(redis, p)))).toEqual(new Set([null]));
  });

  test('a total that no longer fits is refused before anything is written', async () => {
    const p = await promotionWith(redis, 1);
    await redis.hset(keysOf(p).promotion, '#initialStock', '999999999999999');
    const before = await dump(redis, p);
    await expect(control(redis, p, { action: 'restock', quantity: 1, requestId: 'r' })).rejects.toThrow('is not a whole number');
    expect(await dump(redis, p)).toEqual(before);
  });

  test('a key of the wrong type stops it before it has written', async () => {
    const k = keysOf;
    for (const corrupt of [
      (p: string) => redis.set(k(p).restockRequests, 'x'),
      (p: string) => redis.set(k(p).promotion, 'x'),
      (p: string) => redis.set(k(p).processing, 'x'),
      (p: string) => redis.set(k(p).stock, 'x'),
    ]) {
      const p = await promotionWith(redis, 5);
      await corrupt(p);
      const before = await dump(redis, p);
      await expect(control(redis, p, { action: 'restock', quantity: 1, requestId: 'r' }), corrupt.toString()).rejects.toThrow(/WRONGTYPE|is not a whole number/);
      expect(await dump(redis, p), corrupt.toString()).toEqual(before);
    }
  });
});
