import { describe, expect, test } from 'vitest';
import { control } from '../../lambda/queue/control.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf, PROMOTIONS_KEY, userStatusKey } from '../../lambda/queue/keys.ts';
import { FORGET_AFTER_MS, forgetPromotion } from '../../lambda/queue/promotions.ts';
import { retire, RETIRE_USERS_MAX } from '../../lambda/queue/retire.ts';
import { status } from '../../lambda/queue/status.ts';
import { sweep } from '../../lambda/queue/sweep.ts';
import { drainNow, dump, expectPromisesKept, promotionWith, redisForFile, users } from './promotion-for-test.ts';

const redis = redisForFile();

describe('retire', () => {
  test('waits until nobody is in line or in processing, then deletes all, chunk by chunk', async () => {
    const p = await promotionWith(redis, 2);
    const crowd = users(RETIRE_USERS_MAX + 30);
    for (const user of crowd.slice(0, 5)) await join(redis, p, user);
    await Promise.all(crowd.slice(5).map((user) => join(redis, p, user)));
    await control(redis, p, { action: 'restock', quantity: 1, requestId: 'r' });
    const { admitted } = await drainNow(redis, p, { batchSize: 1 });
    await control(redis, p, { action: 'close' });
    expect(await retire(redis, p)).toEqual({ kind: 'NOT_REMOVING' });
    await control(redis, p, { action: 'remove' });
    expect(await retire(redis, p)).toEqual({ kind: 'BUSY' });
    await drainNow(redis, p);
    expect(await retire(redis, p)).toEqual({ kind: 'BUSY' });
    await sweep(redis, p);
    await sweep(redis, p);
    expect(await retire(redis, p)).toEqual({ kind: 'BUSY' });
    // The admitted still get their coupon: they were promised it.
    expect((await issue(redis, p, admitted)).completed).toBe(admitted.length);

    expect(await retire(redis, p)).toEqual({ kind: 'RETIRED', users: RETIRE_USERS_MAX, left: 30 });
    expect(await retire(redis, p)).toEqual({ kind: 'RETIRED', users: 30, left: 0 });
    expect(await retire(redis, p)).toEqual({ kind: 'GONE' });
    expect(await retire(redis, p)).toEqual({ kind: 'NOT_REMOVING' });
    expect(new Set(Object.values(await dump(redis, p)))).toEqual(new Set([null]));
    for (const user of crowd) expect(await redis.exists(userStatusKey(p, user))).toBe(0);
  });

  test('a second life of the id knows nothing of the first, and old messages do it no harm', async () => {
    const p = await promotionWith(redis, 2, users(2));
    await drainNow(redis, p);
    await issue(redis, p, users(2));
    await control(redis, p, { action: 'close' });
    await control(redis, p, { action: 'remove' });
    await retire(redis, p);
    await retire(redis, p);
    await initStock(redis, p, 5);
    expect(await status(redis, p, 'u1')).toEqual({ kind: 'NOT_IN_QUEUE' });
    await join(redis, p, 'u1');
    expect(await issue(redis, p, users(2))).toEqual({ completed: 0, failed: 0, released: [], soldOut: false });
    expect(await status(redis, p, 'u1')).toEqual({ kind: 'WAITING', position: 1, totalWaiting: 1 });
    await expectPromisesKept(redis, p);
  });
});

describe('forgetting a promotion', () => {
  test('only a day after its last init-stock', async () => {
    const p = await promotionWith(redis, 1);
    expect(await forgetPromotion(redis, p)).toBe(false);
    await redis.zadd(PROMOTIONS_KEY, Date.now() - FORGET_AFTER_MS - 1000, p);
    expect(await forgetPromotion(redis, p)).toBe(true);
    expect(await redis.zscore(PROMOTIONS_KEY, p)).toBeNull();
    expect(await forgetPromotion(redis, p)).toBe(false);
    expect(await redis.exists(keysOf(p).promotion)).toBe(1);
  });
});
