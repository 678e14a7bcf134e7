import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { beat, beginRun } from '../../lambda/queue/drain-run.ts';
import { info } from '../../lambda/queue/info.ts';
import { drainRunKey } from '../../lambda/queue/keys.ts';
import { promotion, redis, redisForLoops, server, settled, startLoop } from './loop-for-test.ts';
import { users } from './promotion-for-test.ts';

redisForLoops();

describe('handover between runs', () => {
  test('an older run stops once a newer one has completed a tick', async () => {
    await promotion('sale', 10, users(3));
    const older = startLoop();
    await expect.poll(() => older.counts.ticks).toBeGreaterThan(0);
    const newer = startLoop();
    expect(await older.done).toBe('SUPERSEDED');
    const { ticks } = newer.counts;
    await expect.poll(() => newer.counts.ticks).toBeGreaterThan(ticks + 2);
    await newer.stop();
  });

  test('a newest run that dies before its first tick leaves no gap', async () => {
    const p = await promotion('sale', 100, users(30));
    const older = startLoop();
    await expect.poll(() => older.counts.ticks).toBeGreaterThan(0);
    await beginRun(redis, 0);
    await settled(p);
    expect(await older.stop()).toBe('DEADLINE');
  });

  test('a heartbeat counts while it is fresh, and shards do not mix', async () => {
    const [first, second] = [await beginRun(redis, 0), await beginRun(redis, 0)];
    expect(second).toBe(first + 1);
    expect(await beat(redis, 0, second, 5000)).toBe('CURRENT');
    expect(await beat(redis, 0, first, 5000)).toBe('SUPERSEDED');
    expect(await beat(redis, 1, first, 5000)).toBe('CURRENT');
    await redis.hset(drainRunKey(0), 'heartbeatMs', Date.now() - 10_000);
    expect(await beat(redis, 0, first, 5000)).toBe('CURRENT');
    expect(await beat(redis, 0, second, 5000)).toBe('CURRENT');
    // The clock was set back an hour: an old heartbeat far ahead is not fresh.
    await redis.hset(drainRunKey(0), 'heartbeatMs', Date.now() + 3_600_000);
    expect(await beat(redis, 0, first, 5000)).toBe('CURRENT');
  });

  test('goes on after Redis was away, without a restart', async () => {
    const p = await promotion('sale', 30, users(30));
    const loop = startLoop();
    await expect.poll(() => loop.counts.admitted).toBeGreaterThan(0);
    const killer = new Redis(server.url);
    await killer.call('CLIENT', 'KILL', 'TYPE', 'normal');
    killer.disconnect();
    // The test's own connection was killed, too.
    await expect.poll(() => redis.get('{sale}').catch(() => null)).not.toBeNull();
    await settled(p);
    await loop.stop();
    expect(await info(redis, p)).toMatchObject({ completedCount: 30 });
  });
});
