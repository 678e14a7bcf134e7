import { describe, expect, test } from 'vitest';
import { control } from '../../lambda/queue/control.ts';
import { shardOf, STOP_BEFORE_DEADLINE_MS } from '../../lambda/queue/drain-loop.ts';
import { info } from '../../lambda/queue/info.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { issue } from '../../lambda/queue/issue.ts';
import type { IssueMessage } from '../../lambda/queue/issue-message.ts';
import { join } from '../../lambda/queue/join.ts';
import { drainRunKey, keysOf, PROMOTIONS_KEY } from '../../lambda/queue/keys.ts';
import { FORGET_AFTER_MS } from '../../lambda/queue/promotions.ts';
import { connectRedis } from '../../lambda/queue/redis.ts';
import { SWEEP_USERS_MAX } from '../../lambda/queue/sweep.ts';
import { snapshot, winners } from '../invariants.ts';
import { pace, promotion, redis, redisForLoops, settled, startLoop, withFault } from './loop-for-test.ts';
import { expectPromisesKept, users } from './promotion-for-test.ts';

redisForLoops();

describe('the loop', () => {
  test('the sell-out boundary: stock 30, line 100, the first 30 tickets win and everyone is told', async () => {
    const p = await promotion('sale', 30, users(100));
    await initStock(redis, 'idle', 1);
    const loop = startLoop();
    await expect.poll(() => loop.counts.resting).toEqual(new Map([[p, false], ['idle', true]]));
    await settled(p);
    await expect.poll(() => loop.counts.resting.get(p)).toBe(true);
    expect(await loop.stop()).toBe('DEADLINE');
    const after = await snapshot(redis, p);
    expect(winners(after)).toEqual(users(30));
    expect([...after.statuses.values()].filter((status) => status === 'FAILED')).toHaveLength(70);
    expect(loop.counts).toMatchObject({ admitted: 30, swept: 70, resent: 0, failures: [] });
    await expectPromisesKept(redis, p);
  });

  test('a sold-out line is swept chunk after chunk between two ticks', async () => {
    const crowd = users(3 * SWEEP_USERS_MAX);
    const p = await promotion('sale', 1, []);
    await Promise.all(crowd.map((user) => join(redis, p, user)));
    const loop = startLoop({ pace: { ...pace, drainIntervalMs: 2000 } });
    await expect.poll(() => loop.counts.swept, { interval: 1 }).toBeGreaterThan(0);
    const { ticks } = loop.counts;
    await expect.poll(() => loop.counts.swept, { interval: 1 }).toBe(crowd.length - 1);
    // With one chunk a tick it would have taken two more.
    expect(loop.counts.ticks).toBeLessThanOrEqual(ticks + 1);
    await loop.stop();
    await expectPromisesKept(redis, p);
  });

  test('two loops at once admit no more than one, and nobody is sent twice', async () => {
    const p = await promotion('sale', 1000, users(100));
    const sent: { at: number; message: IssueMessage }[] = [];
    const send = async (message: IssueMessage) => {
      sent.push({ at: performance.now(), message });
      await issue(redis, message.promotionId, message.userIds);
    };
    const loops = [startLoop({ send }), startLoop({ send }), startLoop({ send })];
    await settled(p);
    await Promise.all(loops.map((loop) => loop.stop()));
    expect(sent.flatMap(({ message }) => message.userIds)).toEqual(users(100));
    expect(sent.every(({ message }) => message.userIds.length <= pace.batchSize)).toBe(true);
    // Ten batches need at least nine intervals of server time (less what the sending itself may jitter).
    expect(sent.at(-1)!.at - sent[0]!.at).toBeGreaterThan(9 * pace.drainIntervalMs - 30);
  });

  test('a batch that takes Redis long does not put off the next one', async () => {
    const p = await promotion('sale', 1000, users(30));
    const slow = new Proxy(redis, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'evalsha') return value.bind(target);
        return async (sha: string, keyCount: number, ...rest: string[]) => {
          const reply = await target.evalsha(sha, keyCount, ...rest);
          await new Promise((resolve) => setTimeout(resolve, 200));
          return reply;
        };
      },
    });
    const sentAt: number[] = [];
    const loop = startLoop({ redis: slow, pace: { ...pace, drainIntervalMs: 400 }, send: async () => void sentAt.push(performance.now()) });
    await expect.poll(() => sentAt.length, { interval: 5 }).toBe(3);
    await loop.stop();
    // Two intervals; counted from the answers it would be three.
    expect(sentAt[2]! - sentAt[0]!).toBeLessThan(1100);
    expect((await info(redis, p))?.queueSize).toBe(0);
  });

  test('a message that SQS does not take is sent again when its lease has lapsed', async () => {
    const p = await promotion('sale', 50, users(20));
    let refusals = 3;
    const loop = startLoop({
      pace: { ...pace, leaseMs: 100 },
      send: async (message) => {
        if (refusals-- > 0) throw new Error('SQS did not take the message: InternalError');
        await issue(redis, message.promotionId, message.userIds);
      },
    });
    await expect.poll(async () => (await info(redis, p))?.completedCount, { timeout: 10_000 }).toBe(20);
    await loop.stop();
    expect(loop.counts.failures).toEqual([p, p, p]);
    expect(loop.counts.resent).toBeGreaterThanOrEqual(20);
    await expectPromisesKept(redis, p);
  });

  test('a loop killed between drain and send: another sends its users when their lease has lapsed, in their turn', async () => {
    const p = await promotion('sale', 15, users(40));
    // This one drains its first batch, and never gets as far as SQS.
    const killed = startLoop({ pace: { ...pace, leaseMs: 150 }, send: () => new Promise(() => undefined) });
    await expect.poll(() => killed.counts.admitted).toBe(10);
    const next = startLoop({ pace: { ...pace, leaseMs: 150 } });
    await settled(p);
    await expect.poll(async () => (await info(redis, p))?.completedCount, { timeout: 10_000 }).toBe(15);
    await next.stop();
    expect(winners(await snapshot(redis, p))).toEqual(users(15));
    await expectPromisesKept(redis, p);
  });

  test('one promotion that fails is reported, all others go on', async () => {
    const broken = await promotion('broken', 10, users(5));
    await redis.multi().del(keysOf(broken).processing).set(keysOf(broken).processing, 'x').exec();
    const p = await promotion('sale', 10, users(30));
    const loop = startLoop();
    await settled(p);
    await loop.stop();
    expect(new Set(loop.counts.failures)).toEqual(new Set([broken]));
    expect(await info(redis, p)).toMatchObject({ completedCount: 10, failedCount: 20 });
  });

  test('a promotion that hangs holds up neither the others nor the heartbeat; the run ends when it does', async () => {
    await promotion('slow', 10, users(5));
    const p = await promotion('sale', 30, users(30));
    const hanging: (() => void)[] = [];
    let hangs = false;
    const loop = startLoop({
      redis: withFault(redis, (keys) =>
        hangs && keys.includes(keysOf('slow').stock) ? new Promise<void>((resolve) => void hanging.push(resolve)) : undefined,
      ),
    });
    await expect.poll(() => loop.counts.ticks).toBeGreaterThan(0);
    hangs = true;
    await expect.poll(() => hanging.length).toBe(1);
    const { ticks } = loop.counts;
    await expect.poll(() => loop.counts.ticks).toBeGreaterThan(ticks + 3);
    await expect.poll(async () => (await info(redis, p))?.completedCount).toBe(30);
    const stopped = loop.stop();
    // Nothing is left unawaited when it returns.
    expect(await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, 100, 'still waiting'))])).toBe('still waiting');
    for (const release of hanging) release();
    expect(await stopped).toBe('DEADLINE');
  });

  test('more promotions that hang than are visited at once do not starve the others', async () => {
    const now = Date.now();
    await redis.zadd(PROMOTIONS_KEY, ...Array.from({ length: 1300 }, (_, i) => [now - 1000, `slow${i}`]).flat());
    const healthy = await Promise.all(users(5).map((id) => promotion(id, 30, users(30))));
    const loop = startLoop({
      redis: withFault(redis, async (keys) => {
        if (!keys[0]?.includes('{slow')) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
        throw new Error('Command timed out');
      }),
    });
    for (const p of healthy) await expect.poll(async () => (await info(redis, p))?.completedCount, { timeout: 10_000 }).toBe(30);
    await loop.stop();
  });

  test('a slow SQS does not slow down admission; the run ends when all is sent', async () => {
    await promotion('sale', 100, users(40));
    const sending: (() => void)[] = [];
    const loop = startLoop({ send: () => new Promise<void>((resolve) => void sending.push(resolve)) });
    await expect.poll(() => loop.counts.admitted).toBe(40);
    const stopped = loop.stop();
    expect(await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, 100, 'still waiting'))])).toBe('still waiting');
    for (const done of sending) done();
    expect(await stopped).toBe('DEADLINE');
  });

  test('a broken heartbeat, or a list that can not be read for a while, keeps nobody waiting', async () => {
    await redis.set(drainRunKey(0), 'x');
    const p = await promotion('sale', 100, users(30));
    let listFails = false;
    const faulty = new Proxy(redis, {
      get: (target, name) => {
        if (name === 'zrange' && listFails) return () => Promise.reject(new Error('Command timed out'));
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const loop = startLoop({ redis: faulty });
    await expect.poll(async () => (await info(redis, p))?.completedCount).toBe(30);
    listFails = true;
    for (const user of users(10, 101)) await join(redis, p, user);
    await expect.poll(async () => (await info(redis, p))?.completedCount).toBe(40);
    const later = await promotion('later', 10, users(3));
    listFails = false;
    await expect.poll(async () => (await info(redis, later))?.completedCount).toBe(3);
    await loop.stop();
    expect(new Set(loop.counts.failures)).toEqual(new Set([null]));
  });

  test('ends by its deadline although Redis is away and the interval is long', async () => {
    const away = connectRedis({ url: 'redis://127.0.0.1:1', mode: 'cluster' });
    const endsAt = performance.now() + 300;
    const loop = startLoop({ redis: away, pace: { ...pace, drainIntervalMs: 60_000 }, remainingMs: () => endsAt + STOP_BEFORE_DEADLINE_MS - performance.now() });
    expect(await loop.done).toBe('DEADLINE');
    expect(performance.now()).toBeLessThan(endsAt + STOP_BEFORE_DEADLINE_MS);
    expect(loop.counts).toMatchObject({ ticks: 0, admitted: 0 });
    expect(loop.counts.failures.length).toBeGreaterThan(0);
  });

  test('paused: nobody is admitted until resumed', async () => {
    const p = await promotion('sale', 10, users(5));
    await control(redis, p, { action: 'pause' });
    const loop = startLoop();
    await expect.poll(() => loop.counts.ticks).toBeGreaterThan(3);
    expect(await info(redis, p)).toMatchObject({ queueSize: 5, processingCount: 0, completedCount: 0 });
    await control(redis, p, { action: 'resume' });
    await settled(p);
    await loop.stop();
    expect(await info(redis, p)).toMatchObject({ completedCount: 5 });
  });

  test('closed and removed mid-sale: the admitted finish, then nothing is left of it', async () => {
    const p = await promotion('sale', 100, users(60));
    const loop = startLoop();
    await expect.poll(async () => (await info(redis, p))?.completedCount).toBeGreaterThan(0);
    await control(redis, p, { action: 'close' });
    const closed = await info(redis, p);
    expect(closed).toMatchObject({ queueSize: 0, state: 'CLOSED' });
    await control(redis, p, { action: 'remove' });
    await expect.poll(async () => (await redis.keys('*')).toSorted(), { timeout: 10_000 }).toEqual([drainRunKey(0), PROMOTIONS_KEY]);
    expect(loop.counts.failures).toEqual([]);
    // Initialised again, it is served again.
    await promotion(p, 5, users(3));
    await settled(p);
    await loop.stop();
    expect(await info(redis, p)).toMatchObject({ completedCount: 3 });
  });

  test('an entry of a promotion that is long gone is forgotten, a young one is kept', async () => {
    await redis.zadd(PROMOTIONS_KEY, Date.now() - FORGET_AFTER_MS - 60_000, 'old', Date.now(), 'young');
    const loop = startLoop();
    await expect.poll(() => redis.zrange(PROMOTIONS_KEY, '0', '-1')).toEqual(['young']);
    await loop.stop();
  });

  test('each promotion is served by its own shard only', async () => {
    const ids = Array.from({ length: 12 }, (_, i) => `p${i}`);
    for (const id of ids) await promotion(id, 5, ['a']);
    const served = new Map<string, number>();
    const loops = [0, 1, 2].map((shard) =>
      startLoop({ shard, shards: 3, send: async ({ promotionId }) => void served.set(promotionId, shard) }),
    );
    await expect.poll(() => served.size).toBe(12);
    await Promise.all(loops.map((loop) => loop.stop()));
    for (const id of ids) expect(served.get(id)).toBe(shardOf(id, 3));
    expect(new Set(served.values()).size).toBe(3);
  });

  test('a resting promotion is asked for by a plain read, and by the script now and then: for who comes, and for its removal', async () => {
    await initStock(redis, 'rests', 10);
    await redis.config('RESETSTAT');
    const loop = startLoop();
    await expect.poll(() => loop.counts.ticks).toBeGreaterThanOrEqual(12);
    const { ticks } = loop.counts;
    const stats = await redis.info('commandstats');
    const calls = (command: string) => Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
    expect(calls('exists')).toBeGreaterThanOrEqual(ticks);
    // One HMGET of each tick is the heartbeat's, the others are drains'.
    expect(calls('hmget') - ticks).toBeLessThan(ticks / 2);
    expect(calls('hmget') - ticks).toBeGreaterThan(1);

    await join(redis, 'rests', 'u1');
    await expect.poll(() => loop.counts.admitted).toBe(1);
    await issue(redis, 'rests', ['u1']);
    await control(redis, 'rests', { action: 'close' });
    await control(redis, 'rests', { action: 'remove' });
    await expect.poll(() => redis.exists(keysOf('rests').promotion)).toBe(0);
    await loop.stop();
  });

  test('a script cache flush goes unnoticed', async () => {
    const p = await promotion('sale', 30, users(60));
    const loop = startLoop();
    await expect.poll(() => loop.counts.admitted).toBeGreaterThan(0);
    await redis.script('FLUSH');
    await settled(p);
    await loop.stop();
    expect(loop.counts.failures).toEqual([]);
    expect(winners(await snapshot(redis, p))).toEqual(users(30));
  });
});
