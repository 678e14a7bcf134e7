import { setTimeout as pause } from 'node:timers/promises';
import type { RedisClient } from '../lambda/queue/redis.ts';
import { audit, type Audit } from './audit.ts';
import { CouponApi } from './coupon-api.ts';
import { letIn, type Crowd } from './crowd.ts';
import type { InfoFacts } from './facts.ts';
import { figuresOf, progressOf, type Figures } from './figures.ts';
import type { ProgressView } from './progress.ts';
import { reachRedis, readRedisFacts, settle } from './redis-facts.ts';

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
const WATCH_INTERVAL_MS = 200;
/** How long the sweep may take to write what the phones have been told already. */
const SETTLE_TIMEOUT_MS = 20_000;
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
    const soldOutMs = await watch(crowd, operator, options);
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

/** Sets the stock of a promotion that nobody has joined. */
async function openPromotion(operator: CouponApi, promotionId: string, stock: number): Promise<void> {
  const before = await operator.info(promotionId);
  if (before.kind === 'INFO') {
    const { queueSize, processingCount, completedCount, failedCount, state } = before;
    const users = queueSize + processingCount + completedCount + failedCount;
    const hint = 'leave --promotion out, or name one that is new';
    if (users > 0) throw new Error(`Promotion ${promotionId} has ${users} users already, whom an audit would take for this crowd: ${hint}.`);
    if (state !== 'OPEN') throw new Error(`Promotion ${promotionId} is ${state}, so nobody would be served: ${hint}.`);
  }
  const answer = await operator.initStock(promotionId, stock);
  if (answer.kind === 'SET' && answer.stock === stock) return;
  const reason = answer.kind === 'SET' ? `answered a stock of ${answer.stock}` : answer.reason;
  throw new Error(`Promotion ${promotionId} could not be opened with a stock of ${stock} (init-stock ${reason}): choose another --promotion, or try again.`);
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

/**
 * Shows how it goes until the crowd is served. Answers when the stock was first seen at 0.
 * @throws Error if the system falls silent
 */
async function watch(crowd: Crowd, operator: CouponApi, options: RushOptions): Promise<number | null> {
  const { promotionId, stock, view } = options;
  let soldOutMs: number | null = null;
  let info: InfoFacts | undefined;
  let over = false;
  const ended = crowd.over.then(() => (over = true));
  let last = { elapsedMs: 0, joined: 0 };
  let heardAtMs = 0;
  try {
    for (;;) {
      const answer = await operator.info(promotionId);
      if (answer.kind === 'INFO') {
        info = answer;
        heardAtMs = crowd.elapsedMs();
      } else if (crowd.elapsedMs() - heardAtMs > SILENCE_MAX_MS) {
        throw silent(options, answer.reason);
      }
      if (stock > 0 && info?.currentStock === 0) soldOutMs ??= crowd.elapsedMs();
      const progress = progressOf(crowd, info, last);
      view.show(progress);
      last = progress;
      // The last look comes after the last answer.
      if (over) return soldOutMs;
      await Promise.race([pause(WATCH_INTERVAL_MS), ended]);
    }
  } finally {
    view.stop();
  }
}

/** The numbers at the end, once nobody is in line or in processing any more, or after `settleMs`. */
async function finalInfo(operator: CouponApi, options: RushOptions, settleMs: number): Promise<InfoFacts> {
  const beganAt = performance.now();
  for (;;) {
    const answer = await operator.info(options.promotionId);
    options.signal.throwIfAborted();
    const waitedMs = performance.now() - beganAt;
    if (answer.kind === 'INFO') {
      if (answer.queueSize + answer.processingCount === 0 || waitedMs >= settleMs) return answer;
    } else if (waitedMs > SETTLE_TIMEOUT_MS) {
      throw silent(options, answer.reason);
    }
    await pause(WATCH_INTERVAL_MS);
  }
}

const silent = ({ apiUrl }: RushOptions, reason: string) =>
  new Error(`The system at ${apiUrl} stopped answering (${reason}), so nothing can be audited: look at its log, then try again.`);

function redisSilent(error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error);
  throw new Error(`Redis stopped answering (${reason}), so nothing can be audited: look at its log, then try again.`, { cause: error });
}
