import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { drainLoop, STOP_BEFORE_DEADLINE_MS } from '../lambda/queue/drain-loop.ts';
import { info } from '../lambda/queue/info.ts';
import { initStock } from '../lambda/queue/init-stock.ts';
import { issue } from '../lambda/queue/issue.ts';
import { join } from '../lambda/queue/join.ts';
import { keysOf } from '../lambda/queue/keys.ts';
import { connectRedis, type RedisClient } from '../lambda/queue/redis.ts';
import { status } from '../lambda/queue/status.ts';
import { startRedis } from '../local/redis-server.ts';
import { startPings } from './ping.ts';

/** Joins under way at once while a line is filled. */
const JOINS_AT_ONCE = 200;
/** Status calls timed per depth, in turn with the other depth. */
const STATUS_CALLS = 3000;
const IDLE_MS = 2000;
/** After this the sale counts as stuck. */
const SALE_TIMEOUT_MS = 60_000;
const POLL_MS = 1;
const SALE_STOCK = 100;

export interface DepthFigures {
  depth: number;
  /** Median time of one status call of the last in line (µs), and the same with 100 in line. */
  statusMicros: number;
  statusAt100Micros: number;
  ratio: number;
  /** Longest answer to a PING while nothing else happened, and from the sell-out to the end of the sweep (ms). */
  idlePingMs: number;
  sellOutPingMs: number;
  /** From the last coupon until the last in line read FAILED, and until all were swept (ms). */
  failedAfterMs: number;
  sweptAfterMs: number;
}

const userId = (i: number) => `user${String(i).padStart(8, '0')}`;

async function fill(redis: RedisClient, promotionId: string, stock: number, depth: number): Promise<void> {
  await initStock(redis, promotionId, stock);
  for (let i = 1; i <= depth; i += JOINS_AT_ONCE) {
    const size = Math.min(JOINS_AT_ONCE, depth - i + 1);
    await Promise.all(Array.from({ length: size }, (_, j) => join(redis, promotionId, userId(i + j))));
  }
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Measures what a long line costs: a poll of its last user, and its end when the stock runs out. On a Redis of its own. */
export async function measureDepth(depth: number, progress: (line: string) => void): Promise<DepthFigures> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'coupon-queue-bench-'));
  const server = await startRedis({ dataDir });
  const redis = connectRedis({ url: server.url, mode: 'cluster' });
  try {
    progress(`filling a line of ${depth}`);
    await fill(redis, 'short', 1000, 100);
    await fill(redis, 'long', SALE_STOCK, depth);

    progress('polling the last in line');
    const long: number[] = [];
    const short: number[] = [];
    for (let i = 0; i < STATUS_CALLS; i++) {
      for (const [times, promotionId, last] of [[short, 'short', 100], [long, 'long', depth]] as const) {
        const before = performance.now();
        await status(redis, promotionId, userId(last));
        times.push((performance.now() - before) * 1000);
      }
    }

    progress('selling out');
    await redis.del(keysOf('short').promotion);
    const pings = await startPings(server.url);
    await pings.longestMs();
    await new Promise((resolve) => void setTimeout(resolve, IDLE_MS));
    const idlePingMs = await pings.longestMs();
    const sale = await sellOut(redis, userId(depth));
    const sellOutPingMs = await pings.longestMs();
    await pings.stop();
    const [statusMicros, statusAt100Micros] = [median(long), median(short)];
    return { depth, statusMicros, statusAt100Micros, ratio: statusMicros / statusAt100Micros, idlePingMs, sellOutPingMs, ...sale };
  } finally {
    redis.disconnect();
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Runs the real loop over the sale, issuing in its own process. */
async function sellOut(redis: RedisClient, lastUser: string): Promise<{ failedAfterMs: number; sweptAfterMs: number }> {
  let soldOutAt = Number.NaN;
  let failedAt = Number.NaN;
  let sweptAt = Number.NaN;
  const startedAt = performance.now();
  const quiet = () => undefined;
  const running = drainLoop({
    redis,
    send: async ({ promotionId, userIds }) => {
      await issue(redis, promotionId, userIds);
      soldOutAt = performance.now();
    },
    pace: { batchSize: SALE_STOCK, drainIntervalMs: 1000, leaseMs: 60_000, maxInFlight: 1000 },
    shard: 0,
    shards: 1,
    remainingMs: () => (Number.isNaN(sweptAt) && performance.now() - startedAt < SALE_TIMEOUT_MS ? STOP_BEFORE_DEADLINE_MS + 1000 : 0),
    report: {
      ticked: quiet,
      admitted: quiet,
      resent: quiet,
      swept: quiet,
      dropped: quiet,
      failed: (_, error) => {
        throw error;
      },
    },
  });
  while (Number.isNaN(sweptAt) && performance.now() - startedAt < SALE_TIMEOUT_MS) {
    if (Number.isNaN(failedAt)) {
      if ((await status(redis, 'long', lastUser)).kind === 'FAILED') failedAt = performance.now();
    } else if ((await info(redis, 'long')) && (await redis.llen(keysOf('long').soldOutQueue)) === 0) {
      sweptAt = performance.now();
    }
    await new Promise((resolve) => void setTimeout(resolve, POLL_MS));
  }
  await running;
  return { failedAfterMs: failedAt - soldOutAt, sweptAfterMs: sweptAt - soldOutAt };
}
