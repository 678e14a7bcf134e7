import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { control } from '../../lambda/queue/control.ts';
import { drain } from '../../lambda/queue/drain.ts';
import { info } from '../../lambda/queue/info.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf } from '../../lambda/queue/keys.ts';
import { RedisUnavailable } from '../../lambda/queue/redis.ts';
import { status } from '../../lambda/queue/status.ts';
import { sweep } from '../../lambda/queue/sweep.ts';
import { brokenPromises, snapshot, winners } from '../invariants.ts';
import { drainNow, pace, users } from './promotion-for-test.ts';
import { PATIENCE_MS, RETRY_INTERVAL_MS, snapshotAfterMove, TwoNodes, untilServed } from './two-nodes.ts';

/** So that a promotion of these tests moves in a few steps. */
const KEYS_AT_ONCE = 7;

const cluster = new TwoNodes();

/** What an operation answers, or undefined if it was refused as unavailable; any other error fails the test. */
async function unlessRefused<T>(operation: () => Promise<T>): Promise<T | undefined> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof RedisUnavailable) return undefined;
    throw error;
  }
}

const isStatus = (promotionId: string) => (key: string) => key.startsWith(keysOf(promotionId).userStatusPrefix);
const statusesFirst = (promotionId: string) => (keys: string[]) => keys.toSorted((a, b) => Number(isStatus(promotionId)(b)) - Number(isStatus(promotionId)(a)));
const statusesLast = (promotionId: string) => (keys: string[]) => statusesFirst(promotionId)(keys).toReversed();

/** Moves a promotion that nobody else uses there and back, and tries every operation at every step. */
async function expectRefusedOrRight(promotionId: string, known: string[], inProcessing: string[]): Promise<void> {
  const redis = cluster.connect();
  const slot = await cluster.slotOf(promotionId);
  const right = new Map<string, unknown>();
  const reads: [string, () => Promise<unknown>][] = [
    ['info', () => info(redis, promotionId)],
    ...known.map((user): [string, () => Promise<unknown>] => [`status of ${user}`, () => status(redis, promotionId, user)]),
  ];
  const writes: [string, () => Promise<unknown>][] = [
    ['join', () => join(redis, promotionId, 'late')],
    ['drain', () => drain(redis, promotionId, { ...pace, drainIntervalMs: 1 })],
    ['issue', () => issue(redis, promotionId, inProcessing)],
    ['sweep', () => sweep(redis, promotionId)],
  ];
  const learn = async () => {
    for (const [name, read] of reads) right.set(name, await untilServed(read));
  };
  await redis.hset(keysOf(promotionId).promotion, '#nextDrainAtMs', '0');
  let refused = 0;
  for (const order of [statusesFirst(promotionId), statusesLast(promotionId)]) {
    await learn();
    await cluster.moveSlot(slot, order, KEYS_AT_ONCE, async () => {
      const before = await cluster.held(slot);
      // All at once, since the client tries a refused call again for half a second.
      const [answers, written] = await Promise.all([
        Promise.all(reads.map(([, read]) => unlessRefused(read))),
        Promise.all(writes.map(([, write]) => unlessRefused(write))),
      ]);
      if (written.every((outcome) => outcome === undefined)) {
        expect(await cluster.held(slot)).toEqual(before);
        for (const [i, [name]] of reads.entries()) if (answers[i] !== undefined && right.has(name)) expect(answers[i], name).toEqual(right.get(name));
        refused += 1;
      } else {
        // What is right now can't be asked before the move has ended.
        right.clear();
      }
    });
    expect(brokenPromises(await snapshotAfterMove(redis, promotionId))).toEqual([]);
  }
  expect(refused).toBeGreaterThan(0);
}

test.concurrent('half moved, every operation is refused as unavailable or right, and one that is refused has written nothing', async () => {
  const redis = cluster.connect();
  await initStock(redis, 'half', 10);
  for (const user of users(20)) await join(redis, 'half', user);
  await issue(redis, 'half', (await drainNow(redis, 'half', { batchSize: 3 })).admitted);
  const { admitted } = await drainNow(redis, 'half', { batchSize: 3 });
  expect(admitted).toEqual(users(3, 4));
  await expectRefusedOrRight('half', ['u1', 'u4', 'u7', 'u20', 'nobody'], admitted);
  // It goes on as if nothing had been.
  const rest = await drainNow(redis, 'half');
  expect(rest.admitted).toEqual(users(4, 7));
  expect((await issue(redis, 'half', [...admitted, ...rest.admitted])).completed).toBe(7);
  await drainNow(redis, 'half');
  expect(await sweep(redis, 'half')).toMatchObject({ failed: 10, left: 0, dropped: [] });
  const end = await snapshot(redis, 'half');
  expect(brokenPromises(end)).toEqual([]);
  expect(winners(end)).toEqual(users(10));
});

test.concurrent('also when the promotion has every key that a script names', async () => {
  const redis = cluster.connect();
  await initStock(redis, 'full', 2);
  for (const user of users(8)) await join(redis, 'full', user);
  await issue(redis, 'full', (await drainNow(redis, 'full')).admitted);
  await drainNow(redis, 'full');
  await control(redis, 'full', { action: 'restock', quantity: 6, requestId: 'r' });
  for (const user of users(6, 9)) await join(redis, 'full', user);
  const { admitted } = await drainNow(redis, 'full', { batchSize: 2 });
  expect(await redis.exists(Object.values(keysOf('full')).filter((key) => key !== keysOf('full').userStatusPrefix))).toBe(7);
  await expectRefusedOrRight('full', ['u1', 'u3', 'u9', 'u14', 'nobody'], admitted);
});

test.concurrent('a sale goes on while its slot moves to and fro: nobody is lost, and the winners are the first tickets', async () => {
  const promotionId = 'live';
  const [MOVES, STOCK, JOINERS, USERS_EACH] = [3, 40, 4, 40];
  const admin = cluster.connect();
  const slot = await cluster.slotOf(promotionId);
  await initStock(admin, promotionId, STOCK);
  const fast = { ...pace, batchSize: 5, drainIntervalMs: 50, leaseMs: 500 };
  /** Known to stand in line, or further; with the rank of what they last were, and their last position. */
  const seen = new Map<string, { rank: number; kind: string; position: number }>();
  const rank = { WAITING: 0, PROCESSING: 1, COMPLETED: 2, FAILED: 2 };
  const settled = () => [...seen.values()].filter((user) => user.rank === 2).length;
  let drains = 0;
  let moving = true;
  const end = performance.now() + PATIENCE_MS;
  const inTime = () => performance.now() < end;

  const joining = Array.from({ length: JOINERS }, async (_, joiner) => {
    const redis = cluster.connect();
    for (const user of users(USERS_EACH, joiner * USERS_EACH + 1)) {
      const outcome = await untilServed(() => join(redis, promotionId, user));
      if (outcome.kind === 'SOLD_OUT') continue;
      expect(outcome.kind, `join of ${user}`).toMatch(/^(WAITING|PROCESSING|COMPLETED|FAILED)$/);
      if (!seen.has(user)) seen.set(user, { rank: 0, kind: 'WAITING', position: Infinity });
      await pause(RETRY_INTERVAL_MS);
    }
  });
  let everyoneCame = false;
  const allJoined = (async () => {
    await Promise.all(joining);
    everyoneCame = true;
  })();
  const over = () => !moving && everyoneCame && settled() === seen.size;

  const polling = async () => {
    const redis = cluster.connect();
    while (!over() && inTime()) {
      const open = [...seen].filter(([, last]) => last.rank < 2).map(([user]) => user);
      for (const user of open) {
        const last = seen.get(user)!;
        const now = await unlessRefused(() => status(redis, promotionId, user));
        if (!now) break;
        if (now.kind === 'NOT_IN_QUEUE') throw new Error(`${user} was ${last.kind} and is not in the queue`);
        const position = now.kind === 'WAITING' ? now.position : 0;
        expect(rank[now.kind], `${user} was ${last.kind} and is ${now.kind}`).toBeGreaterThanOrEqual(last.rank);
        expect(position, `position of ${user}`).toBeLessThanOrEqual(last.position);
        seen.set(user, { rank: rank[now.kind], kind: now.kind, position });
      }
      await pause(RETRY_INTERVAL_MS);
    }
  };
  const selling = async () => {
    const redis = cluster.connect();
    while (!over() && inTime()) {
      const outcome = await unlessRefused(() => drain(redis, promotionId, fast));
      if (outcome && outcome.kind !== 'NOT_DUE') {
        if (outcome.kind !== 'DRAINED') throw new Error(`drain answered ${outcome.kind}`);
        expect(outcome.dropped).toEqual([]);
        drains += 1;
        // A refused issue comes again with the lapsed lease.
        const issued = await unlessRefused(() => issue(redis, promotionId, [...outcome.admitted, ...outcome.resent]));
        if (issued) expect(issued).toMatchObject({ failed: 0, released: [] });
        if (outcome.soldOutLine > 0) expect((await unlessRefused(() => sweep(redis, promotionId)))?.dropped ?? []).toEqual([]);
      }
      await pause(RETRY_INTERVAL_MS);
    }
  };
  const moves = async () => {
    for (let move = 0; move < MOVES; move++) {
      const before = drains;
      // In between the sale goes on.
      await expect.poll(() => drains, { timeout: PATIENCE_MS }).toBeGreaterThan(before + 1);
      const order = move % 2 === 0 ? statusesFirst(promotionId) : statusesLast(promotionId);
      await cluster.moveSlot(slot, order, KEYS_AT_ONCE, () => pause(RETRY_INTERVAL_MS));
      expect(brokenPromises(await snapshotAfterMove(admin, promotionId)), `after move ${move + 1}`).toEqual([]);
    }
    moving = false;
  };
  await Promise.all([allJoined, polling(), polling(), selling(), selling(), moves()]);

  const last = await snapshot(admin, promotionId);
  expect(brokenPromises(last)).toEqual([]);
  expect([...seen.keys()].filter((user) => !last.tickets.has(user))).toEqual([]);
  expect([...last.statuses.values()].filter((status) => status !== 'COMPLETED' && status !== 'FAILED')).toEqual([]);
  expect(winners(last)).toHaveLength(STOCK);
  expect(winners(last).map((user) => last.tickets.get(user))).toEqual(Array.from({ length: STOCK }, (_, i) => i + 1));
});
