import type { Redis } from 'ioredis';
import { drain } from '../lambda/queue/drain.ts';
import { drainLoop, STOP_BEFORE_DEADLINE_MS, type DrainReport } from '../lambda/queue/drain-loop.ts';
import drainSource from '../lambda/queue/drain.lua';
import { initStock } from '../lambda/queue/init-stock.ts';
import { issue } from '../lambda/queue/issue.ts';
import { join } from '../lambda/queue/join.ts';
import type { RedisClient } from '../lambda/queue/redis.ts';
import { composeScript } from '../lambda/queue/script.ts';
import { status } from '../lambda/queue/status.ts';
import sweepSource from '../lambda/queue/sweep.lua';
import { userId } from './batches.ts';
import { fillLine } from './fill.ts';
import type { PingStream } from './ping.ts';

/** The pace of an ordinary deployment. */
const PACE = { batchSize: 100, drainIntervalMs: 1000, leaseMs: 60_000, maxInFlight: 1000 };
/** Each promotion has coupons for one batch, so its second tick finds the stock gone. */
const STOCK = PACE.batchSize;
/** Those in line whose phones call while the sale is decided. */
const PHONES = 1000;
/** After this the sale counts as stuck. */
const SALE_TIMEOUT_MS = 120_000;
/** More than the scripts and pings of the longest sale. */
const SLOW_LOG_ENTRIES_MAX = 200_000;

/** The end of a sale, with so many waiting in each promotion. */
export interface Sale {
  redis: Redis;
  client: RedisClient;
  pings: PingStream;
  promotions: number;
  waiting: number;
  signal: AbortSignal;
}

export interface SaleFigures {
  /** Server time (µs) of the tick that found the stock gone; with several promotions the longest. */
  decidingMicros: number;
  /** Server time (µs) of a tick that finds nobody in line, as the first script after a rest: the floor of the one above. */
  idleTickMicros: number;
  /** Server time (µs) of the longest script of the sweep. */
  longestSweepMicros: number;
  /** From the first user swept to the last one (ms). */
  sweepMs: number;
  /** Longest answer to a PING from the last coupon to the end of the sweep, and in as much time with nothing to do (ms). */
  pingMs: number;
  idlePingMs: number;
}

/** Empties the server, fills the lines anew and lets the real loop bring the sale to its end, issuing in its own process. */
export async function sellOut({ redis, client, pings, promotions, waiting, signal }: Sale): Promise<SaleFigures> {
  await redis.flushall('SYNC');
  for (let index = 0; index < promotions; index++) {
    await initStock(client, `sale-${index}`, STOCK);
    await fillLine(redis, { promotionId: `sale-${index}`, users: STOCK + waiting, idOf: (user) => userId(user, index), signal });
  }
  await redis.config('SET', 'slowlog-max-len', SLOW_LOG_ENTRIES_MAX, 'slowlog-log-slower-than', 0);

  const startedAtMs = performance.now();
  let issued = 0;
  let swept = 0;
  let soldOutAtMs = Number.NaN;
  let firstSweptAtMs = Number.NaN;
  let sweptAtMs = Number.NaN;
  const over = () => swept === promotions * waiting || signal.aborted || performance.now() - startedAtMs > SALE_TIMEOUT_MS;
  const quiet = () => undefined;
  const report: DrainReport = {
    ticked: quiet,
    visited: quiet,
    admitted: quiet,
    resent: quiet,
    dropped: quiet,
    swept(_, users) {
      sweptAtMs = performance.now();
      if (swept === 0) firstSweptAtMs = sweptAtMs;
      busy = false;
      swept += users;
    },
    failed(_, error) {
      throw error;
    },
  };
  // A rested server's first script finds its caches cold, which costs more than the script; a server with a sale on it does not rest.
  let busy = true;
  const crowd = phones(client, () => busy && !over());
  await drainLoop({
    redis: client,
    async send({ promotionId, userIds }) {
      await issue(client, promotionId, userIds);
      issued += userIds.length;
      if (issued < promotions * STOCK) return;
      soldOutAtMs = performance.now();
      await redis.slowlog('RESET');
      await pings.longestMs();
    },
    pace: PACE,
    shard: 0,
    shards: 1,
    remainingMs: () => (over() ? 0 : STOP_BEFORE_DEADLINE_MS + SALE_TIMEOUT_MS),
    report,
  });
  await crowd;
  signal.throwIfAborted();
  const pingMs = await pings.longestMs();
  if (swept !== promotions * waiting) throw new Error(`The sale ended with ${swept} of ${promotions * waiting} users swept: look at the drain loop.`);
  const scripts = await scriptsOf(redis);
  const firstSweep = scripts.findIndex(({ sha }) => sha === SWEEP_SHA);
  const decidingMicros = longest(scripts.slice(0, firstSweep), DRAIN_SHA);
  const longestSweepMicros = longest(scripts, SWEEP_SHA);

  await initStock(client, 'nobody', STOCK);
  await pings.longestMs();
  await new Promise((resolve) => void setTimeout(resolve, sweptAtMs - soldOutAtMs));
  const idlePingMs = await pings.longestMs();
  await drain(client, 'nobody', PACE);
  const idleTickMicros = longest(await scriptsOf(redis), DRAIN_SHA);
  await redis.config('SET', 'slowlog-log-slower-than', -1);
  return { decidingMicros, idleTickMicros, longestSweepMicros, sweepMs: sweptAtMs - firstSweptAtMs, pingMs, idlePingMs };
}

/** One phone after another that stands in line polls its place and joins again, as long as the sale goes on. */
async function phones(client: RedisClient, goesOn: () => boolean): Promise<void> {
  for (let index = 0; goesOn(); index++) {
    const phone = userId(STOCK + (index % PHONES), 0);
    await status(client, 'sale-0', phone);
    await join(client, 'sale-0', phone);
  }
}

const [DRAIN_SHA = '', SWEEP_SHA = ''] = [drainSource, sweepSource].map((source) => composeScript(source).sha);

interface Logged {
  micros: number;
  sha: string | undefined;
}

/** What the server has logged since the last time, the oldest first. It logs each command with the time that it took. */
async function scriptsOf(redis: Redis): Promise<Logged[]> {
  const log = (await redis.slowlog('GET', SLOW_LOG_ENTRIES_MAX)) as [id: number, at: number, micros: number, words: string[]][];
  await redis.slowlog('RESET');
  return log.toReversed().map(([, , micros, [, sha]]) => ({ micros, sha }));
}

const longest = (log: readonly Logged[], wanted: string) => Math.max(...log.flatMap(({ micros, sha }) => (sha === wanted ? [micros] : [])));
