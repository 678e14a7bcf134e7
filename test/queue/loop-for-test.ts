import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { type DrainLoop, type DrainReport, drainLoop, STOP_BEFORE_DEADLINE_MS } from '../../lambda/queue/drain-loop.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { join } from '../../lambda/queue/join.ts';
import { connectRedis, type RedisClient } from '../../lambda/queue/redis.ts';
import { type RunningRedis, startRedis } from '../../local/redis-server.ts';
import { snapshot } from '../invariants.ts';

// A loop serves every promotion that it finds, so a file that runs one has a Redis of its own.
export let server: RunningRedis;
export let redis: RedisClient;
let dataDir: string;

/** A test that fails leaves its loops to nobody. */
const endings: (() => void)[] = [];

/** Gives the file its Redis, empty before each test, and ends what its tests leave behind. */
export function redisForLoops(): void {
  beforeAll(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'coupon-queue-loop-'));
    server = await startRedis({ dataDir });
    redis = connectRedis({ url: server.url, mode: 'cluster' });
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  beforeEach(() => redis.flushall());
  afterEach(() => {
    for (const end of endings.splice(0)) end();
  });
}

export const pace = { batchSize: 10, drainIntervalMs: 50, leaseMs: 60_000, maxInFlight: 100 };

interface Counts {
  ticks: number;
  admitted: number;
  resent: number;
  swept: number;
  /** Whether each promotion was found resting at its last visit. */
  resting: Map<string, boolean>;
  failures: (string | null)[];
}

/** A run that a test can end, with what it reported. */
export function startLoop(change: Partial<DrainLoop> = {}) {
  const counts: Counts = { ticks: 0, admitted: 0, resent: 0, swept: 0, resting: new Map(), failures: [] };
  let ended = false;
  endings.push(() => (ended = true));
  const report: DrainReport = {
    ticked: () => void counts.ticks++,
    visited: (promotionId, resting) => void counts.resting.set(promotionId, resting),
    admitted: (_, n) => void (counts.admitted += n),
    resent: (_, n) => void (counts.resent += n),
    swept: (_, n) => void (counts.swept += n),
    dropped: (promotionId) => void counts.failures.push(promotionId),
    failed: (promotionId) => void counts.failures.push(promotionId),
  };
  const done = drainLoop({
    redis,
    send: async (message) => void (await issue(redis, message.promotionId, message.userIds)),
    pace,
    shard: 0,
    shards: 1,
    remainingMs: () => (ended ? 0 : STOP_BEFORE_DEADLINE_MS + 60_000),
    report,
    ...change,
  });
  return {
    counts,
    done,
    stop: () => {
      ended = true;
      return done;
    },
  };
}

/** The client with a fault in front of each script: one that never comes, or that fails. */
export function withFault(client: RedisClient, fault: (keys: string[]) => Promise<void> | undefined): RedisClient {
  return new Proxy(client, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name !== 'evalsha') return value.bind(target);
      return async (sha: string, keyCount: number, ...rest: string[]) => {
        await fault(rest.slice(0, keyCount));
        return target.evalsha(sha, keyCount, ...rest);
      };
    },
  });
}

/** Opens a promotion with these users in line. */
export async function promotion(promotionId: string, stock: number, inLine: string[]): Promise<string> {
  await initStock(redis, promotionId, stock);
  for (const user of inLine) await join(redis, promotionId, user);
  return promotionId;
}

/** Waits until nobody is in line any more. */
export const settled = (promotionId: string) =>
  expect.poll(async () => (await snapshot(redis, promotionId)).statuses.values().toArray(), { timeout: 10_000 }).not.toContain('WAITING');
