import type { Context } from 'aws-lambda';
import * as v from 'valibot';
import { type Config, readConfig } from './config.ts';
import type { Pace } from './queue/drain.ts';
import { type DrainLoop, type DrainReport, drainLoop } from './queue/drain-loop.ts';
import { evictionPolicies } from './queue/eviction.ts';
import { RedisUnavailable } from './queue/redis.ts';
import { batchSender, connectSqs } from './queue/send.ts';
import { redisClient } from './redis-client.ts';
import { count, hashed, logger, publishMetrics } from './telemetry.ts';

/** Most shards of the loop; a promotion belongs to one of them. */
export const SHARDS_MAX = 5;
/** Metrics are summed up over this time before a line is written. */
const METRICS_PERIOD_MS = 10_000;
/** What keeps happening to a promotion is logged this often. */
const LOG_REPEAT_MS = 60_000;
/** How many of these are remembered. */
const LOG_MEMORY_MAX = 1000;

const shardRequest = v.pipe(
  v.object({
    shard: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
    shards: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(SHARDS_MAX)), 1),
  }),
  v.check(({ shard, shards }) => shard < shards, 'shard must be less than shards'),
);

interface Operations {
  drainLoop: (run: Pick<DrainLoop, 'shard' | 'shards' | 'remainingMs' | 'report'>) => ReturnType<typeof drainLoop>;
  evictionPolicies: () => Promise<string[]>;
}

/** Handles the one-minute rule: one run of one shard's loop, which ends before the function's time does. */
export const createHandler =
  (queue: Operations, onEviction: 'warn' | 'refuse') =>
  async (event: unknown, context: Pick<Context, 'getRemainingTimeInMillis'>): Promise<{ stopped: string }> => {
    const { shard, shards } = v.parse(shardRequest, event);
    const mayRun = await checkEviction(queue.evictionPolicies, onEviction);
    const remainingMs = () => context.getRemainingTimeInMillis();
    const stopped = mayRun ? await queue.drainLoop({ shard, shards, remainingMs, report: telemetryReport() }) : 'EVICTION';
    publishMetrics();
    return { stopped };
  };

/** The pace that the environment asks for. */
export const paceOf = (config: Config<'drain-loop'>): Pace => ({
  batchSize: config.BATCH_SIZE,
  drainIntervalMs: config.DRAIN_INTERVAL_MS,
  leaseMs: config.LEASE_MS,
  maxInFlight: config.MAX_IN_FLIGHT,
});

/** Whether a run may begin. Where Redis does not say, or is away just now, it may. */
async function checkEviction(evictionPolicies: () => Promise<string[]>, onEviction: 'warn' | 'refuse'): Promise<boolean> {
  try {
    const policies = await evictionPolicies();
    if (policies.length === 0) return true;
    const what = `Redis evicts keys when memory is full (maxmemory-policy ${policies.join(', ')}), and coupons with them: set noeviction`;
    if (onEviction === 'warn') {
      logger.warn(what);
      return true;
    }
    count('errors');
    logger.error(`${what}. Nobody is admitted until then`);
    return false;
  } catch (error) {
    if (!(error instanceof RedisUnavailable)) logger.warn('Redis does not say whether it evicts keys', { error: error as Error });
    return true;
  }
}

function telemetryReport(): DrainReport {
  const mayLog = logLimit();
  let lastPublished = performance.now();
  return {
    ticked() {
      count('ticks');
      if (performance.now() - lastPublished < METRICS_PERIOD_MS) return;
      lastPublished = performance.now();
      publishMetrics();
    },
    admitted: (_promotionId, users) => count('admitted', users),
    swept: (_promotionId, users) => count('swept', users),
    resent(promotionId, users) {
      count('resent', users);
      if (mayLog(`resent ${promotionId}`)) logger.warn('Issue messages count as lost and are sent again', { promotionId, users });
    },
    dropped(promotionId, userIds) {
      count('errors', userIds.length);
      logger.error('Users stood in line although they were no longer waiting; they were taken out', { promotionId, users: userIds.map(hashed) });
    },
    failed(promotionId, error) {
      count('errors');
      if (!mayLog(`failed ${promotionId}`)) return;
      const what = promotionId === null ? 'A tick failed; the next one tries again' : 'A promotion could not be served; all others go on';
      logger.error(what, { promotionId, error: error as Error });
    },
  };
}

/** Whether something may be logged now: at most once each LOG_REPEAT_MS. What is counted is counted each time. */
function logLimit(): (what: string) => boolean {
  const lastLogged = new Map<string, number>();
  return (what) => {
    const now = performance.now();
    if (now - (lastLogged.get(what) ?? -Infinity) < LOG_REPEAT_MS) return false;
    if (lastLogged.size >= LOG_MEMORY_MAX) lastLogged.clear();
    lastLogged.set(what, now);
    return true;
  };
}

const config = readConfig('drain-loop');
const redis = redisClient(config);
const send = batchSender(connectSqs(), config.QUEUE_URL);
const pace = paceOf(config);
export const handler = createHandler(
  { drainLoop: (run) => drainLoop({ redis, send, pace, ...run }), evictionPolicies: () => evictionPolicies(redis) },
  config.ON_EVICTION,
);
