import { describe, expect, test } from 'vitest';
import { control } from '../../lambda/queue/control.ts';
import { info } from '../../lambda/queue/info.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf, userStatusKey } from '../../lambda/queue/keys.ts';
import { sweep, SWEEP_USERS_MAX } from '../../lambda/queue/sweep.ts';
import { snapshot } from '../invariants.ts';
import { drainNow, dump, expectPromisesKept, promotionWith, redisForFile, users } from './promotion-for-test.ts';

const redis = redisForFile();

describe('sweep', () => {
  test('writes FAILED for the sold-out line, chunk by chunk', async () => {
    const p = await promotionWith(redis, 5);
    await Promise.all(users(SWEEP_USERS_MAX + 20).map((user) => join(redis, p, user)));
    await control(redis, p, { action: 'close' });
    await drainNow(redis, p);
    expect(await info(redis, p)).toMatchObject({ queueSize: 0, failedCount: SWEEP_USERS_MAX + 20 });
    expect(await sweep(redis, p)).toEqual({ failed: SWEEP_USERS_MAX, left: 20, dropped: [] });
    await expectPromisesKept(redis, p);
    expect(await sweep(redis, p)).toEqual({ failed: 20, left: 0, dropped: [] });
    expect(await sweep(redis, p)).toEqual({ failed: 0, left: 0, dropped: [] });
    await expectPromisesKept(redis, p);
    expect(new Set((await snapshot(redis, p)).statuses.values())).toEqual(new Set(['FAILED']));
  });

  test('a status only moves forward', async () => {
    const p = await promotionWith(redis, 5, users(4));
    await control(redis, p, { action: 'close' });
    await drainNow(redis, p);
    await redis.set(userStatusKey(p, 'u1'), 'COMPLETED');
    await redis.del(userStatusKey(p, 'u2'));
    expect(await sweep(redis, p)).toEqual({ failed: 3, left: 0, dropped: ['u1'] });
    expect(await redis.get(userStatusKey(p, 'u1'))).toBe('COMPLETED');
    expect(await redis.get(userStatusKey(p, 'u2'))).toBe('FAILED');
  });

  test('a key of the wrong type stops it before it has written', async () => {
    const p = await promotionWith(redis, 5, users(1));
    await redis.set(keysOf(p).soldOutQueue, 'x');
    const before = await dump(redis, p);
    await expect(sweep(redis, p)).rejects.toThrow('WRONGTYPE');
    expect(await dump(redis, p)).toEqual(before);
  });
});
