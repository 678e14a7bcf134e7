import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type DrainLoop, type DrainReport, drainLoop, STOP_BEFORE_DEADLINE_MS, VISITS_AT_ONCE } from '../../lambda/queue/drain-loop.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { drainRunKey, PROMOTIONS_KEY } from '../../lambda/queue/keys.ts';
import { listPromotions, PROMOTIONS_MAX } from '../../lambda/queue/promotions.ts';
import { connectRedis } from '../../lambda/queue/redis.ts';
import { redis, redisForLoops, server } from './loop-for-test.ts';
import { users } from './promotion-for-test.ts';

redisForLoops();

const patience = { timeout: 10_000 };
const pace = { batchSize: 1, drainIntervalMs: 50, leaseMs: 60_000, maxInFlight: 100 };
const silent: DrainReport = { ticked: () => {}, visited: () => {}, admitted: () => {}, resent: () => {}, swept: () => {}, dropped: () => {}, failed: () => {} };

/** A run that a test can end. */
function startLoop(change: Partial<DrainLoop>) {
  let ended = false;
  const done = drainLoop({ redis, send: async () => {}, pace, shard: 0, shards: 1, remainingMs: () => (ended ? 0 : STOP_BEFORE_DEADLINE_MS + 60_000), report: silent, ...change });
  const stop = () => {
    ended = true;
    return done;
  };
  return { done, stop };
}

/** So many promotions, each with a line. A few at a time, so that none waits longer for its answer than a client does. */
async function promotions(count: number, inLine: number): Promise<string[]> {
  const atOnce = 50;
  const ids = Array.from({ length: count }, (_, i) => `p${i}`);
  for (let i = 0; i < count; i += atOnce) {
    await Promise.all(
      ids.slice(i, i + atOnce).map(async (id) => {
        await initStock(redis, id, inLine);
        for (const user of users(inLine)) await join(redis, id, user);
      }),
    );
  }
  return ids;
}

/** Watches how long this machine stands still, the test and Redis alike: the longest time that a pause and a ping took. */
function startWitness() {
  const witness = connectRedis({ url: server.url, mode: 'single' });
  const until = new AbortController();
  let stillMs = 0;
  const done = (async () => {
    // Bounded by the test that ends it.
    while (!until.signal.aborted) {
      const before = performance.now();
      await pause(5);
      await witness.ping();
      stillMs = Math.max(stillMs, performance.now() - before);
    }
    witness.disconnect();
  })();
  return async () => {
    until.abort();
    await done;
    return stillMs;
  };
}

describe('a thousand promotions', () => {
  const COUNT = 1000;
  const INTERVALS = 4;

  test('each is drained every second', async () => {
    const drainIntervalMs = 1000;
    const ids = await promotions(COUNT, 3 * INTERVALS);
    // A drain with one user per batch admits one: that is when it happened.
    const drainedAt = new Map<string, number[]>(ids.map((id) => [id, []]));
    const endWitness = startWitness();
    const startedAt = performance.now();
    const loop = startLoop({ pace: { ...pace, drainIntervalMs }, report: { ...silent, admitted: (id) => void drainedAt.get(id)?.push(performance.now()) } });
    await expect.poll(() => performance.now() - startedAt, { timeout: 60_000 }).toBeGreaterThan(INTERVALS * drainIntervalMs);
    const endedAt = performance.now();
    await loop.stop();
    const stillMs = await endWitness();
    // Two intervals, the first of which it may have missed by a hair. While the machine itself stood still, nobody could be served.
    const gapMaxMs = 2 * drainIntervalMs + 2 * stillMs;
    for (const [id, times] of drainedAt) {
      const moments = [startedAt, ...times, Math.max(endedAt, times.at(-1) ?? 0)];
      const gaps = moments.slice(1).map((at, i) => at - (moments[i] ?? 0));
      expect(Math.max(...gaps), id).toBeLessThan(gapMaxMs);
      // And never more often than once an interval, as far as it can be seen from here.
      const overMs = (times.at(-1) ?? 0) - (times[0] ?? 0) + stillMs;
      expect(times.length, id).toBeLessThanOrEqual(overMs / drainIntervalMs + 1);
    }
  });
});

describe('limits of a run', () => {
  test('so many promotions are visited at once; the others follow as soon as one is done', async () => {
    const count = VISITS_AT_ONCE + 20;
    await redis.zadd(PROMOTIONS_KEY, ...Array.from({ length: count }, (_, i) => [Date.now(), `p${i}`]).flat().map(String));
    const held: (() => void)[] = [];
    let underWay = 0;
    let mostUnderWay = 0;
    let begun = 0;
    // Each drain waits here for its answer.
    const slow = new Proxy(redis, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name !== 'evalsha') return value.bind(target) as unknown;
        return async (...args: unknown[]) => {
          const drains = String(args[2]).startsWith('coupon:waiting_queue:');
          if (drains) {
            begun++;
            mostUnderWay = Math.max(mostUnderWay, ++underWay);
            await new Promise<void>((resolve) => void held.push(resolve));
            underWay--;
          }
          return (await Reflect.apply(value, target, args)) as unknown;
        };
      },
    });
    const loop = startLoop({ redis: slow, pace: { ...pace, drainIntervalMs: 60_000 } });
    await expect.poll(() => begun, patience).toBe(VISITS_AT_ONCE);
    held.shift()?.();
    await expect.poll(() => begun, patience).toBe(VISITS_AT_ONCE + 1);
    await expect
      .poll(() => {
        for (const release of held.splice(0)) release();
        return begun;
      }, patience)
      .toBe(count);
    for (const release of held.splice(0)) release();
    await loop.stop();
    expect(mostUnderWay).toBe(VISITS_AT_ONCE);
  });

  test('while Redis is away it asks again once a second, however slow the pace, and not more often', async () => {
    const away = connectRedis({ url: 'redis://127.0.0.1:1', mode: 'single' });
    const failedAt: number[] = [];
    const loop = startLoop({ redis: away, pace: { ...pace, drainIntervalMs: 5000 }, report: { ...silent, failed: () => void failedAt.push(performance.now()) } });
    // Each time two things fail: the run's number, and the list of promotions.
    await expect.poll(() => failedAt.length, patience).toBeGreaterThanOrEqual(6);
    await loop.stop();
    away.disconnect();
    const tookMs = (failedAt[4] ?? 0) - (failedAt[0] ?? 0);
    expect(tookMs).toBeGreaterThan(1900);
    expect(tookMs).toBeLessThan(9000);
  });

  test('a newer run counts while its heartbeat is less than five seconds old', async () => {
    let ticks = 0;
    const older = startLoop({ report: { ...silent, ticked: () => void ticks++ } });
    await expect.poll(() => ticks, patience).toBeGreaterThan(0);
    await redis.hset(drainRunKey(0), 'run', '99', 'lastRun', '99', 'heartbeatMs', Date.now() - 5500);
    const seen = ticks;
    await expect.poll(() => ticks, patience).toBeGreaterThan(seen + 1);
    // It has taken over; the newer one comes back.
    await redis.hset(drainRunKey(0), 'run', '99', 'heartbeatMs', Date.now());
    expect(await older.done).toBe('SUPERSEDED');
  });

  test('with a slow pace, a heartbeat counts for three intervals', async () => {
    await redis.hset(drainRunKey(0), 'run', '99', 'heartbeatMs', Date.now() - 5500);
    expect(await startLoop({ pace: { ...pace, drainIntervalMs: 10_000 } }).done).toBe('SUPERSEDED');
  });

  test('more promotions than the loop visits: the oldest are listed, and the list has an end', async () => {
    const chunk = 10_000;
    for (let from = 0; from < PROMOTIONS_MAX + 1; from += chunk) {
      const entries = Array.from({ length: Math.min(chunk, PROMOTIONS_MAX + 1 - from) }, (_, i) => [from + i, `p${from + i}`]);
      await redis.zadd(PROMOTIONS_KEY, ...(entries.flat() as string[]));
    }
    const listed = await listPromotions(redis);
    expect(listed).toHaveLength(PROMOTIONS_MAX);
    expect(listed.at(-1)).toEqual({ promotionId: `p${PROMOTIONS_MAX - 1}`, registeredAtMs: PROMOTIONS_MAX - 1 });
    await redis.del(PROMOTIONS_KEY);
  });
});
