import type { Context } from 'aws-lambda';
import * as v from 'valibot';
import { type Config, readConfig } from './config.ts';
import { RunReport } from './drain-report.ts';
import type { Pace } from './queue/drain.ts';
import { type DrainLoop, drainLoop } from './queue/drain-loop.ts';
import { evictionPolicies } from './queue/eviction.ts';
import { type Gauges, readGauges } from './queue/gauges.ts';
import { RedisUnavailable } from './queue/redis.ts';
import { batchSender, connectSqs } from './queue/send.ts';
import { standstillMs, Watch } from './queue/watch.ts';
import { redisClient } from './redis-client.ts';
import { count, logger } from './telemetry.ts';

/** Most shards of the loop; a promotion belongs to one of them. */
const SHARDS_MAX = 5;

const shardRequest = v.pipe(
  v.object({
    shard: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
    shards: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(SHARDS_MAX)), 1),
  }),
  v.check(({ shard, shards }) => shard < shards, 'shard must be less than shards'),
);

interface Operations {
  drainLoop: (run: Pick<DrainLoop, 'shard' | 'shards' | 'remainingMs' | 'report' | 'correlationId'>) => ReturnType<typeof drainLoop>;
  evictionPolicies: () => Promise<string[]>;
  readGauges: (promotionId: string) => Promise<Gauges | null>;
  /** Time after which a line that nobody leaves stands still. */
  standstillMs?: number;
}

/** Handles the one-minute rule: one run of one shard's loop, which ends before the function's time does. */
export const createHandler =
  (queue: Operations, onEviction: 'warn' | 'refuse') =>
  async (event: unknown, context: Pick<Context, 'getRemainingTimeInMillis' | 'awsRequestId'>): Promise<{ stopped: string }> => {
    logger.appendKeys({ functionRequestId: context.awsRequestId });
    const { shard, shards } = v.parse(shardRequest, event);
    let batches = 0;
    const correlationId = () => `${context.awsRequestId}-${++batches}`;
    const mayRun = await checkEviction(queue.evictionPolicies, onEviction);
    const remainingMs = () => context.getRemainingTimeInMillis();
    const report = new RunReport(new Watch(queue.readGauges, () => performance.now(), queue.standstillMs), shard);
    const stopped = mayRun ? await queue.drainLoop({ shard, shards, remainingMs, report, correlationId }) : 'EVICTION';
    await report.end(stopped);
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
    count('loopErrors');
    logger.error(`${what}. Nobody is admitted until then`);
    return false;
  } catch (error) {
    if (!(error instanceof RedisUnavailable)) logger.warn('Redis does not say whether it evicts keys', { error: error as Error });
    return true;
  }
}

const config = readConfig('drain-loop');
const redis = redisClient(config);
const send = batchSender(connectSqs(), config.QUEUE_URL);
const pace = paceOf(config);
export const handler = createHandler(
  {
    drainLoop: (run) => drainLoop({ redis, send, pace, ...run }),
    evictionPolicies: () => evictionPolicies(redis),
    readGauges: (promotionId) => readGauges(redis, promotionId),
    standstillMs: standstillMs(pace.drainIntervalMs),
  },
  config.ON_EVICTION,
);
