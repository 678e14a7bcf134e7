import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accessStrings as ofFunctions, winnersAccessString } from '../../lambda/queue/access.ts';
import { control } from '../../lambda/queue/control.ts';
import { drain } from '../../lambda/queue/drain.ts';
import { beat, beginRun } from '../../lambda/queue/drain-run.ts';
import { evictionPolicies } from '../../lambda/queue/eviction.ts';
import { readGauges } from '../../lambda/queue/gauges.ts';
import { info } from '../../lambda/queue/info.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf, PROMOTIONS_KEY, userStatusKey } from '../../lambda/queue/keys.ts';
import { FORGET_AFTER_MS, forgetPromotion, listPromotions } from '../../lambda/queue/promotions.ts';
import { connectRedis, type RedisClient } from '../../lambda/queue/redis.ts';
import { retire } from '../../lambda/queue/retire.ts';
import { status } from '../../lambda/queue/status.ts';
import { sweep } from '../../lambda/queue/sweep.ts';
import { type RunningCluster, startRedisCluster } from '../../local/redis-server.ts';
import { grantsOf, KEYED_COMMANDS, HOSTILE_CALLS, keyKinds, refused, usesOf } from './access-for-test.ts';
import { pace, users, winnersOf } from './promotion-for-test.ts';

// A whole sale and its end on a real cluster of three nodes, each function as its own user, and what these users are refused. Who exports the
// winners is no function, but a user like them.

const accessStrings = { ...ofFunctions, winners: winnersAccessString };
type Name = keyof typeof accessStrings;
const names = Object.keys(accessStrings) as Name[];
const PASSWORD = 'of-everyone';
const PROMOTION = 'sale';
const OPERATOR = 'operator';

let folder: string;
let cluster: RunningCluster;
/** One who may do everything, on each node. */
const operators: Redis[] = [];
const clients = new Map<Name, RedisClient>();
/** What each function was seen to call, by MONITOR. */
const used = new Map<Name, Set<string>>(names.map((name) => [name, new Set<string>()]));

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'coupon-queue-access-'));
  cluster = await startRedisCluster({ nodes: 3, dataDir: folder });
  for (const node of cluster.nodes) {
    const beginner = new Redis(node.url);
    await beginner.call('ACL', 'SETUSER', OPERATOR, 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
    for (const name of names) await beginner.call('ACL', 'SETUSER', name, `>${PASSWORD}`, ...accessStrings[name].split(' '));
    await beginner.call('ACL', 'SETUSER', 'default', 'reset', 'off', '-@all');
    beginner.disconnect();
    operators.push(new Redis({ port: node.port, username: OPERATOR, password: PASSWORD, enableReadyCheck: false }));
  }
  for (const name of names) {
    clients.set(name, connectRedis({ url: cluster.nodes[0]!.url, mode: 'cluster', login: { username: name, password: () => PASSWORD } }));
  }
});
afterAll(async () => {
  for (const client of [...clients.values(), ...operators]) client.disconnect();
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Does something as a function does it, and notes what Redis is asked to do meanwhile. */
async function as<T>(name: Name, operation: (redis: RedisClient) => Promise<T>): Promise<T> {
  // Without its text at hand each script is sent by its hash, and then by its text.
  await everyNode('SCRIPT', 'FLUSH');
  const seen: string[][] = [];
  const monitors = await Promise.all(operators.map((operator) => operator.monitor()));
  const ends = monitors.map((monitor) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let over = false;
    monitor.on('monitor', (_time: string, call: string[]) => {
      over ||= call[0]?.toLowerCase() === 'echo';
      if (over) resolve();
      else seen.push(call);
    });
    return promise;
  });
  const result = await operation(clients.get(name)!);
  await Promise.all(operators.map((operator) => operator.echo('the end')));
  await Promise.all(ends);
  for (const monitor of monitors) monitor.disconnect();
  for (const call of seen) for (const use of await usesOf(operators[0]!, call)) used.get(name)!.add(use);
  return result;
}

const everyNode = (command: string, ...args: string[]) => Promise.all(operators.map((operator) => operator.call(command, ...args)));
const slotOwner = async (key: string) => {
  const slot = await operators[0]!.cluster('KEYSLOT', key);
  const range = (await operators[0]!.cluster('SLOTS')).find(([first, last]) => first <= slot && slot <= last);
  return operators[cluster.nodes.findIndex(({ port }) => port === range?.[2]?.[1])]!;
};

/** Waits until a drain of the promotion is due again. */
const drainAgain = (redis: RedisClient, leaseMs: number) => pause(60).then(() => drain(redis, PROMOTION, { ...pace, batchSize: 4, drainIntervalMs: 50, leaseMs }));

describe('each function as its own user', () => {
  test('does all that it does, from the first init-stock until nothing is left of the promotion, and may do no more than that', async () => {
    await as('init-stock', async (redis) => {
      expect(await initStock(redis, PROMOTION, 5)).toMatchObject({ kind: 'SET' });
      expect(await initStock(redis, PROMOTION, 6)).toEqual({ kind: 'SET', initialStock: 6 });
    });
    await as('join', async (redis) => {
      for (const user of users(20)) await join(redis, PROMOTION, user);
      expect(await join(redis, PROMOTION, 'u20')).toEqual({ kind: 'WAITING', position: 20 });
    });
    for (const maxmemory of ['0', '1']) {
      // With 1 byte allowed, the reads go another way: as a script.
      await everyNode('CONFIG', 'SET', 'maxmemory', maxmemory);
      await as('status', async (redis) => {
        expect(await status(redis, PROMOTION, 'u20')).toEqual({ kind: 'WAITING', position: 20, totalWaiting: 20 });
        expect(await status(redis, PROMOTION, 'nobody')).toEqual({ kind: 'NOT_IN_QUEUE' });
      });
      await as('info', async (redis) => expect(await info(redis, PROMOTION)).toMatchObject({ currentStock: 6, queueSize: 20 }));
      await as('drain-loop', async (redis) => expect(await readGauges(redis, PROMOTION)).toMatchObject({ stock: 6, inLine: 20, broken: [] }));
    }
    await everyNode('CONFIG', 'SET', 'maxmemory', '0');
    await as('control', async (redis) => {
      expect(await control(redis, PROMOTION, { action: 'restock', quantity: 2, requestId: 'r' })).toMatchObject({ kind: 'APPLIED', info: { currentStock: 8 } });
      for (const action of ['pause', 'resume'] as const) expect(await control(redis, PROMOTION, { action })).toMatchObject({ kind: 'APPLIED' });
    });
    await as('drain-loop', async (redis) => {
      expect(await evictionPolicies(redis)).toEqual([]);
      expect(await listPromotions(redis)).toMatchObject([{ promotionId: PROMOTION }]);
      const run = await beginRun(redis, 0);
      for (let tick = 0; tick < 2; tick++) expect(await beat(redis, 0, run, 1000)).toBe('CURRENT');
      expect(await drain(redis, PROMOTION, { ...pace, batchSize: 4, drainIntervalMs: 50, leaseMs: 10 })).toMatchObject({ admitted: users(4) });
      expect(await drainAgain(redis, 60_000)).toMatchObject({ admitted: users(4, 5), resent: users(4) });
    });
    await as('issuer', async (redis) => expect(await issue(redis, PROMOTION, users(8))).toMatchObject({ completed: 8 }));
    await as('drain-loop', async (redis) => {
      expect(await drainAgain(redis, 60_000)).toMatchObject({ soldOutLine: 12 });
      expect(await sweep(redis, PROMOTION)).toMatchObject({ failed: 12, left: 0 });
    });
    for (const maxmemory of ['0', '1']) {
      await everyNode('CONFIG', 'SET', 'maxmemory', maxmemory);
      await as('winners', async (redis) => {
        expect((await winnersOf(redis, PROMOTION)).map(({ userId }) => userId)).toEqual(users(8));
      });
    }
    await everyNode('CONFIG', 'SET', 'maxmemory', '0');
    await as('control', async (redis) => {
      for (const action of ['close', 'remove'] as const) expect(await control(redis, PROMOTION, { action })).toMatchObject({ kind: 'APPLIED' });
    });
    await (await slotOwner(PROMOTIONS_KEY)).zadd(PROMOTIONS_KEY, Date.now() - 2 * FORGET_AFTER_MS, PROMOTION);
    await as('drain-loop', async (redis) => {
      expect(await retire(redis, PROMOTION)).toMatchObject({ kind: 'RETIRED', users: 20 });
      expect(await retire(redis, PROMOTION)).toEqual({ kind: 'GONE' });
      expect(await forgetPromotion(redis, PROMOTION)).toBe(true);
    });

    for (const name of names) {
      // Anyone may AUTH. While slots move, ioredis announces a call that was redirected by ASKING; none moved here.
      const calls = [...used.get(name)!.difference(new Set(['auth'])), 'asking'];
      expect({ name, calls: calls.toSorted() }).toEqual({ name, calls: grantsOf(accessStrings[name]).toSorted() });
    }
  });
});

describe('everything else is refused', () => {
  const kept = 'kept';

  /** All that is in Redis, to show that nothing was changed. */
  async function held(): Promise<Record<string, string>> {
    const all: Record<string, string> = {};
    for (const operator of operators) for (const key of await operator.keys('*')) all[key] = (await operator.dumpBuffer(key)).toString('base64');
    return all;
  }

  beforeAll(async () => {
    const owner = await slotOwner(keysOf(kept).stock);
    const lists = [keysOf(kept).waitingQueue, keysOf(kept).soldOutQueue];
    await Promise.all([...lists.map((key) => owner.rpush(key, 'u1')), owner.set(keysOf(kept).stock, '7'), owner.set(userStatusKey(kept, 'u1'), 'WAITING')]);
    await owner.hset(keysOf(kept).promotion, '#state', 'OPEN');
  });

  /** The calls of one user that were not refused. Refused are all that are not named. */
  async function notRefused(name: Name | undefined, calls: readonly (readonly string[])[]): Promise<{ calls: number; allowed: string[] }> {
    const { port } = await slotOwner(keysOf(kept).stock).then(({ options }) => options);
    const connection = new Redis({ port, ...(name && { username: name, password: PASSWORD }), enableReadyCheck: false, disableClientInfo: true, protocol: 2, lazyConnect: true });
    const outcomes = await Promise.allSettled(calls.map(([command = '', ...args]) => connection.call(command, ...args)));
    connection.disconnect();
    const answers = outcomes.map((outcome, i) => ({ call: calls[i]!.join(' '), refusal: outcome.status === 'rejected' ? String(outcome.reason) : '' }));
    // What no script may call, whoever runs it, says nothing about the user.
    const tried = answers.filter(({ refusal }) => !refusal.includes('not allowed from script'));
    return { calls: tried.length, allowed: tried.filter(({ refusal }) => !refused.test(refusal)).map(({ call }) => call) };
  }

  /** Each command that any function may call, on each kind of key, where this user may not. */
  function strangeCalls(name: Name): string[][] {
    const granted = new Set(grantsOf(accessStrings[name]).map((grant) => grant.replace(/ (?:R|W|RW) /, ' ')));
    return Object.entries(KEYED_COMMANDS).flatMap(([command, argsFor]) =>
      Object.entries(keyKinds(kept))
        .filter(([kind]) => !granted.has(`${command} ${kind}`))
        .map(([, key]) => [command, ...argsFor(key)]),
    );
  }

  test('to each function: what concerns the server, keys of others, and calls that are not its own, by itself and inside a script', async () => {
    const before = await held();
    let tried = 0;
    for (const name of names) {
      const keyless = new Set(grantsOf(accessStrings[name]).filter((grant) => !grant.includes(' ')));
      const hostile = HOSTILE_CALLS.filter(([command = '']) => !keyless.has(command));
      const calls = [...hostile, ...strangeCalls(name)];
      // A script is run as whoever sends it: what its text says may be no more than what the user may.
      const run = accessStrings[name].includes('+eval_ro') ? 'eval_ro' : 'eval';
      const inScript = calls.map((call) => [run, 'return redis.call(unpack(ARGV))', '0', ...call]);
      const outcomes = [await notRefused(name, calls), await notRefused(name, inScript)];
      expect({ name, allowed: outcomes.flatMap(({ allowed }) => allowed) }).toEqual({ name, allowed: [] });
      tried += outcomes[0]!.calls + outcomes[1]!.calls;
    }
    expect(await held()).toEqual(before);
    console.log(`${tried} calls refused`);
    expect(tried).toBeGreaterThan(5000);
  });

  test('to who signs in as nobody: everything', async () => {
    const keyed = Object.entries(KEYED_COMMANDS).flatMap(([command, argsFor]) => Object.values(keyKinds(kept)).map((key) => [command, ...argsFor(key)]));
    expect(await notRefused(undefined, [...HOSTILE_CALLS, ...keyed])).toEqual({ calls: HOSTILE_CALLS.length + keyed.length, allowed: [] });
  });
});
