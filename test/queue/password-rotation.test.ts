import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { accessStrings } from '../../lambda/queue/access.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf } from '../../lambda/queue/keys.ts';
import { connectRedis, type RedisClient } from '../../lambda/queue/redis.ts';
import { startNode } from '../../local/redis-node.ts';
import { type RunningCluster, type RunningRedis, startRedisCluster } from '../../local/redis-server.ts';
import { snapshot } from '../invariants.ts';
import { users } from './promotion-for-test.ts';
import { PATIENCE_MS, untilServed } from './two-nodes.ts';

// What IAM does to a client, on a real cluster of three nodes while it is used: passwords that hold for a while only, connections that
// are ended, nodes that die and come back.

const USER = 'join';
const ROTATION_INTERVAL_MS = 100;
/** Servers take the newest passwords for 2 s, as IAM takes a token for 15 minutes; on a busy machine a connection may take long to begin. */
const PASSWORDS_VALID = 20;
const CALL_INTERVAL_MS = 2;

let folder: string;
let cluster: RunningCluster;
let nodes: RunningRedis[];
/** One who may do everything, on each node that is there. */
let operators: Redis[] = [];
let redis: RedisClient;
/** The newest last. */
let passwords: string[] = [];
let asked = 0;

const operatorOf = (node: RunningRedis) => new Redis({ port: node.port, retryStrategy: null, maxRetriesPerRequest: 0 }).on('error', () => undefined);

/** Makes a node take these passwords, and no other. */
const teach = (operator: Redis, valid: string[]) =>
  operator.call('ACL', 'SETUSER', USER, 'reset', ...accessStrings[USER].split(' '), ...valid.map((password) => `>${password}`));

async function rotate(): Promise<void> {
  const next = [...passwords, `password-${passwords.length}`];
  // First the servers, then the client: as with a clock that both have.
  await Promise.all(operators.map((operator) => teach(operator, next.slice(-PASSWORDS_VALID)).catch(() => undefined)));
  passwords = next;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'coupon-queue-rotation-'));
  cluster = await startRedisCluster({ nodes: 3, dataDir: folder });
  nodes = [...cluster.nodes];
  operators = nodes.map(operatorOf);
  await rotate();
  const password = () => {
    asked += 1;
    return passwords.at(-1)!;
  };
  redis = connectRedis({ url: cluster.nodes[0]!.url, mode: 'cluster', login: { username: USER, password } });
});
afterAll(async () => {
  for (const connection of [redis, ...operators]) connection.disconnect();
  await Promise.all(nodes.map((node) => node.stop()));
  await rm(folder, { recursive: true, force: true });
});

/** Sign-ins that were refused, on all nodes that are there. */
async function refusedSignIns(): Promise<number> {
  const logs = await Promise.all(operators.map((operator) => operator.call('ACL', 'LOG') as Promise<unknown[][]>));
  return logs.flat().filter((entry) => entry.includes('auth')).length;
}

/** A promotion on each node, by its node. */
async function promotionPerNode(): Promise<string[]> {
  const found: string[] = [];
  for (const candidate of users(100)) {
    const slot = await operators[0]!.cluster('KEYSLOT', keysOf(candidate).stock);
    found[Math.floor((slot * 3) / 16_384)] ??= candidate;
  }
  return found;
}

test('calls go on while passwords change, connections are ended, and a node is lost and comes back', { timeout: 60_000 }, async () => {
  const promotions = await promotionPerNode();
  expect(promotions).toHaveLength(3);
  const everyone = connectRedis({ url: cluster.nodes[0]!.url, mode: 'cluster' });
  for (const promotionId of promotions) await initStock(everyone, promotionId, 10);

  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const rotating = (async () => {
    while (!stop.signal.aborted) {
      await rotate();
      await pause(ROTATION_INTERVAL_MS);
    }
  })();
  /** Users who were told their place, by promotion. */
  const joined = promotions.map(() => 0);
  const joining = promotions.map(async (promotionId, i) => {
    while (!stop.signal.aborted) {
      const outcome = await untilServed(() => join(redis, promotionId, `u${joined[i]! + 1}`));
      expect(outcome).toEqual({ kind: 'WAITING', position: joined[i]! + 1 });
      joined[i]! += 1;
      await pause(CALL_INTERVAL_MS);
    }
  });
  // What fails is told at the end, or by a place where nobody joins any more.
  void Promise.allSettled(joining);
  /** Waits until so many more have joined everywhere, or on the nodes that are there. */
  const moreJoin = async (count: number, places: readonly number[] = [0, 1, 2]) => {
    const goals = joined.map((so) => so + count);
    await expect.poll(() => places.filter((place) => joined[place]! < goals[place]!), { timeout: PATIENCE_MS, interval: 5 }).toEqual([]);
  };

  const oldPasswordsExpire = async () => {
    const goal = passwords.length + PASSWORDS_VALID + 1;
    await expect.poll(() => passwords.length, { timeout: PATIENCE_MS }).toBeGreaterThanOrEqual(goal);
  };

  // Connections are ended, as after 12 h, when no password holds any more that was ever used: those of one node, which others are
  // asked about then, those of all, and then all again and again.
  await moreJoin(20);
  const askedBefore = asked;
  const end = (ended: readonly Redis[]) => Promise.all(ended.map((operator) => operator.call('CLIENT', 'KILL', 'USER', USER))).then(() => moreJoin(10));
  for (const ended of [operators.slice(0, 1), operators]) {
    await oldPasswordsExpire();
    await end(ended);
  }
  for (let again = 0; again < 2; again++) await end(operators);
  expect(asked - askedBefore).toBeGreaterThanOrEqual(1 + 3 * 3);
  expect(await refusedSignIns()).toBe(0);

  // A node dies; the others serve on.
  const [lost] = nodes;
  operators[0]!.disconnect();
  process.kill(lost!.pid, 'SIGKILL');
  await lost!.exited;
  await moreJoin(20, [1, 2]);
  // It comes back at its address, empty, and knows the user as soon as it is told.
  const back = await startNode({ dataDir: path.join(folder, 'node-1'), port: lost!.port });
  nodes[0] = back;
  joined[0] = 0;
  await untilServed(() => initStock(everyone, promotions[0]!, 10));
  operators[0] = operatorOf(back);
  await teach(operators[0], passwords.slice(-PASSWORDS_VALID));
  await moreJoin(20);

  stop.abort();
  await Promise.all([rotating, ...joining]);
  for (const [i, promotionId] of promotions.entries()) expect((await snapshot(everyone, promotionId)).line).toEqual(users(joined[i]!));
  everyone.disconnect();
});
