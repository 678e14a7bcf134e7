import type { RedisClient } from '../lambda/queue/redis.ts';
import { audit, type Audit } from './audit.ts';
import { CouponApi } from './coupon-api.ts';
import { letIn } from './crowd.ts';
import { figuresOf, type Figures } from './figures.ts';
import { openPromotion } from './open-promotion.ts';
import type { ProgressView } from './progress.ts';
import { reachRedis, readRedisFacts, settle } from './redis-facts.ts';
import { finalInfo, SETTLE_TIMEOUT_MS, watch } from './watch.ts';

export interface RushOptions {
  apiUrl: string;
  /** Undefined: the audit goes by HTTP alone. */
  redisUrl: string | undefined;
  /** Whether it is an error if Redis does not answer; else the audit goes by HTTP alone then, too. */
  redisMustAnswer: boolean;
  promotionId: string;
  users: number;
  stock: number;
  /** The crowd has this long; who is left over then fails the audit. */
  timeoutMs: number;
  view: ProgressView;
  /** Breaks the rush off. */
  signal: AbortSignal;
}

/** How a rush went. Times are ms since the first join was sent. */
export interface RushResult extends Figures {
  promotionId: string;
  apiUrl: string;
  users: number;
  stock: number;
  timedOut: boolean;
  /** When the last unit of stock was issued; null if stock was left, or there never was any. */
  soldOutMs: number | null;
  auditedBy: 'HTTP and Redis' | 'HTTP alone';
  /** Why not Redis. */
  withoutRedis: string | null;
  audit: Audit;
}

const OPERATOR_CONNECTIONS = 2;
const OPERATOR_TIMEOUT_MS = 10_000;
/** A system whose /info gives no answer for so long is gone, and the crowd need not wait for it. */
const SILENCE_MAX_MS = 30_000;

/**
 * Opens a promotion, lets a crowd in, waits until everyone has an answer, and audits the outcome.
 * @throws Error with a sentence if the promotion can't be opened, the system stops answering, or the rush is broken off
 */
export async function rush(options: RushOptions): Promise<RushResult> {
  const { apiUrl, promotionId, users, stock, timeoutMs, signal } = options;
  const operator = new CouponApi(apiUrl, OPERATOR_CONNECTIONS, OPERATOR_TIMEOUT_MS);
  const end = new AbortController();
  let redis: RedisClient | undefined;
  try {
    await openPromotion(operator, promotionId, stock);
    const reached = await connect(options);
    redis = reached.redis;
    const deadline = AbortSignal.timeout(timeoutMs);
    const crowd = letIn({ apiUrl, promotionId, users, signal: AbortSignal.any([signal, deadline, end.signal]) });
    const soldOutMs = await watch(crowd, operator, { ...options, silenceMsMax: SILENCE_MAX_MS });
    signal.throwIfAborted();
    const settleMs = deadline.aborted ? 0 : SETTLE_TIMEOUT_MS;
    if (redis) await settle(redis, promotionId, settleMs).catch(redisSilent);
    const info = await finalInfo(operator, options, settleMs);
    const userIds = crowd.phones.map(({ userId }) => userId);
    const held = redis ? await readRedisFacts(redis, promotionId, userIds).catch(redisSilent) : null;
    return {
      promotionId,
      apiUrl,
      users,
      stock,
      ...figuresOf(crowd),
      timedOut: deadline.aborted,
      soldOutMs,
      withoutRedis: reached.problem ?? null,
      auditedBy: held ? 'HTTP and Redis' : 'HTTP alone',
      audit: audit({ stock, phones: crowd.phones, info, redis: held }),
    };
  } finally {
    end.abort();
    redis?.disconnect();
    await operator.close();
  }
}

/** Where Redis need not answer, the problem is only a remark. */
async function connect(options: RushOptions): Promise<{ redis?: RedisClient; problem?: string }> {
  const { redisUrl, redisMustAnswer, promotionId, apiUrl } = options;
  if (redisUrl === undefined) return { problem: `the Redis behind ${apiUrl} is not known here (--redis names it)` };
  let problem: string;
  const { host } = new URL(redisUrl);
  try {
    const redis = await reachRedis(redisUrl, promotionId);
    if (redis) return { redis };
    problem = `the Redis at ${host} is not the one behind ${apiUrl}: it lacks promotion ${promotionId}`;
  } catch (error) {
    problem = `no Redis answers at ${host} (${error instanceof Error ? error.message : String(error)})`;
  }
  if (redisMustAnswer) throw new Error(`The audit can't be done as asked, for ${problem}; correct --redis, or leave it out.`);
  return { problem };
}

function redisSilent(error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error);
  throw new Error(`Redis stopped answering (${reason}), so nothing can be audited: look at its log, then try again.`, { cause: error });
}
