import { describe, expect, test } from 'vitest';
import { control } from '../../lambda/queue/control.ts';
import { drainLoop, STOP_BEFORE_DEADLINE_MS } from '../../lambda/queue/drain-loop.ts';
import { info } from '../../lambda/queue/info.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf, ownKeys, PROMOTIONS_KEY, userStatusKey } from '../../lambda/queue/keys.ts';
import { RedisUnavailable } from '../../lambda/queue/redis.ts';
import { status } from '../../lambda/queue/status.ts';
import { redis, redisForLoops } from './loop-for-test.ts';
import { dump, expectPromisesKept, users } from './promotion-for-test.ts';

redisForLoops();

const pace = { batchSize: 10, drainIntervalMs: 50, leaseMs: 60_000, maxInFlight: 100 };

/** Who notices that a key holds another type. The loop does not touch restocks, so there the sale goes on. */
const NOTICED_BY: Record<keyof ReturnType<typeof keysOf>, 'the loop' | 'a restock' | 'a poll'> = {
  waitingQueue: 'the loop',
  processing: 'the loop',
  userStatusPrefix: 'a poll',
  stock: 'the loop',
  promotion: 'the loop',
  lease: 'the loop',
  soldOutQueue: 'the loop',
  restockRequests: 'a restock',
};
const names = Object.keys(NOTICED_BY) as (keyof typeof NOTICED_BY)[];
const keyToBreak = (promotionId: string, name: keyof typeof NOTICED_BY) => (name === 'userStatusPrefix' ? userStatusKey(promotionId, 'u1') : keysOf(promotionId)[name]);

/** Makes a key what it never is: a list a string, and everything else a list. */
async function breakKey(key: string): Promise<void> {
  const [, type] = (await redis.multi().type(key).exec())?.[0] ?? [];
  await redis.del(key);
  if (type === 'list' || key.includes('queue:')) await redis.set(key, 'x');
  else await redis.rpush(key, 'x');
}

/** Runs the loop until `done`, and answers which promotions it reported. */
async function loopUntil(done: (reported: Set<string | null>) => Promise<boolean>): Promise<Set<string | null>> {
  const reported = new Set<string | null>();
  let ended = false;
  const loop = drainLoop({
    redis,
    send: async ({ promotionId, userIds }) => void (await issue(redis, promotionId, userIds)),
    pace,
    shard: 0,
    shards: 1,
    remainingMs: () => (ended ? 0 : STOP_BEFORE_DEADLINE_MS + 60_000),
    report: { ticked: () => {}, visited: () => {}, admitted: () => {}, resent: () => {}, swept: () => {}, dropped: (id) => void reported.add(id), failed: (id) => void reported.add(id) },
  });
  try {
    await expect.poll(() => done(reported), { timeout: 10_000 }).toBe(true);
  } finally {
    ended = true;
    await loop;
  }
  return reported;
}

async function promotion(promotionId: string): Promise<string> {
  await initStock(redis, promotionId, 10);
  for (const user of users(30)) await join(redis, promotionId, user);
  return promotionId;
}
const completed = async (promotionId: string) => (await info(redis, promotionId))?.completedCount === 10;

describe('a key of the wrong type', () => {
  test('every key in turn: reported, nothing of it is written, and all other promotions are served', async () => {
    for (const name of names) {
      await promotion(name);
      await breakKey(keyToBreak(name, name));
    }
    await promotion('sound');
    const stuck = names.filter((name) => NOTICED_BY[name] === 'the loop');
    const before = await Promise.all(stuck.map((name) => dump(redis, name)));

    const going = names.filter((name) => NOTICED_BY[name] !== 'the loop');
    const reported = await loopUntil(async () => (await Promise.all(['sound', ...going].map(completed))).every(Boolean));
    expect(reported).toEqual(new Set(stuck));
    expect(await Promise.all(stuck.map((name) => dump(redis, name)))).toEqual(before);
    await expectPromisesKept(redis, 'sound');
    // A status of another type counts as none: its user got the coupon that was due.
    await expectPromisesKept(redis, 'userStatusPrefix');
    expect(await status(redis, 'userStatusPrefix', 'u1')).toEqual({ kind: 'COMPLETED' });
  });

  test('a call that meets one fails as a fault, not as if Redis were away, and writes nothing', async () => {
    const calls = {
      'a poll': (id: string) => status(redis, id, 'u1'),
      'a restock': (id: string) => control(redis, id, { action: 'restock', quantity: 1, requestId: 'r' }),
    };
    for (const name of names) {
      const noticedBy = NOTICED_BY[name];
      if (noticedBy === 'the loop') continue;
      const id = await promotion(`${name}-called`);
      await breakKey(keyToBreak(id, name));
      const before = await dump(redis, id);
      const error: unknown = await calls[noticedBy](id).catch((caught: unknown) => caught);
      expect(String(error), name).toContain('WRONGTYPE');
      expect(error).not.toBeInstanceOf(RedisUnavailable);
      expect(await dump(redis, id)).toEqual(before);
    }
  });

  test('of the list of promotions: the whole tick is reported, and the next one goes on once it is mended', async () => {
    await redis.flushall();
    const id = await promotion('sale');
    await redis.del(PROMOTIONS_KEY);
    await redis.set(PROMOTIONS_KEY, 'x');
    let mended = false;
    const reported = await loopUntil(async (reportedYet) => {
      if (!mended && reportedYet.size > 0) {
        await redis.del(PROMOTIONS_KEY);
        await initStock(redis, id, 10);
        mended = true;
      }
      return mended && completed(id);
    });
    expect(reported).toEqual(new Set([null]));
  });

  test('all of a promotion\'s keys are tried', () => {
    expect(new Set(names.filter((name) => name !== 'userStatusPrefix').map((name) => keysOf('p')[name]))).toEqual(new Set(ownKeys('p')));
  });
});
