import { setTimeout as pause } from 'node:timers/promises';
import type { RedisClient } from '../lambda/queue/redis.ts';
import { audit, type Audit } from './audit.ts';
import { CouponApi } from './coupon-api.ts';
import { letIn, type Crowd } from './crowd.ts';
import type { InfoFacts, PhoneFacts } from './facts.ts';
import type { Progress, ProgressView } from './progress.ts';
import { holdsPromotion, reachRedis, readRedisFacts, settle } from './redis-facts.ts';

export interface RushOptions {
  apiUrl: string;
  /** Undefined: the audit goes by HTTP alone. */
  redisUrl: string | undefined;
  promotionId: string;
  users: number;
  stock: number;
  /** The crowd has this long; who is left over then fails the audit. */
  timeoutMs: number;
  view: ProgressView;
  /** Breaks the rush off. */
  signal: AbortSignal;
}

/** Times in ms. */
export interface Latency {
  count: number;
  p50: number;
  p99: number;
  max: number;
}

export interface RushResult {
  promotionId: string;
  apiUrl: string;
  users: number;
  stock: number;
  timedOut: boolean;
  /** Users by how it ended for them. */
  issued: number;
  lost: number;
  turnedAway: number;
  /** Answered joins by the time from the first one sent to the last one answered. */
  joinsPerSecond: number;
  /** From a request's sending to the end of its answer. */
  join: Latency;
  status: Latency;
  /** Until the answer to the last join, the last unit of stock (null: stock was left, or never was), and the last phone's last answer. */
  joinedMs: number;
  soldOutMs: number | null;
  totalMs: number;
  auditedBy: 'HTTP and Redis' | 'HTTP alone';
  audit: Audit;
}

const OPERATOR_CONNECTIONS = 2;
const OPERATOR_TIMEOUT_MS = 10_000;
const WATCH_INTERVAL_MS = 200;
/** How long the sweep may take to write what the phones have been told already. */
const SETTLE_TIMEOUT_MS = 20_000;
/** A system whose /info gives no answer for so long is gone, and the crowd need not wait for it. */
const SILENCE_MAX_MS = 30_000;
const US_PER_MS = 1000;

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
    redis = await connect(options);
    const deadline = AbortSignal.timeout(timeoutMs);
    const crowd = letIn({ apiUrl, promotionId, users, signal: AbortSignal.any([signal, deadline, end.signal]) });
    const soldOutMs = await watch(crowd, operator, options);
    signal.throwIfAborted();
    const settleMs = deadline.aborted ? 0 : SETTLE_TIMEOUT_MS;
    if (redis) await settle(redis, promotionId, settleMs);
    const info = await finalInfo(operator, options, settleMs);
    const userIds = crowd.phones.map(({ userId }) => userId);
    const held = redis ? await readRedisFacts(redis, promotionId, userIds) : null;
    return {
      ...figuresOf(crowd, options),
      timedOut: deadline.aborted,
      soldOutMs,
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

async function connect({ redisUrl, promotionId, apiUrl }: RushOptions): Promise<RedisClient | undefined> {
  if (redisUrl === undefined) return undefined;
  const redis = await reachRedis(redisUrl);
  if (await holdsPromotion(redis, promotionId)) return redis;
  redis.disconnect();
  throw new Error(`That Redis does not hold promotion ${promotionId}, so it is not the one behind ${apiUrl}: correct --redis, or leave it out.`);
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

function progressOf({ phones, api, elapsedMs }: Crowd, info: InfoFacts | undefined, last: { elapsedMs: number; joined: number }): Progress {
  const nowMs = elapsedMs();
  const turnedAway = count(phones, ({ outcome }) => outcome === 'TURNED_AWAY');
  const joined = count(phones, ({ outcome }) => outcome === 'JOINED') + turnedAway;
  const join = latencyOf(api.joinLatencyUs);
  const status = latencyOf(api.statusLatencyUs);
  return {
    elapsedMs: nowMs,
    joined,
    waiting: info?.queueSize ?? 0,
    processing: info?.processingCount ?? 0,
    completed: info?.completedCount ?? 0,
    failed: (info?.failedCount ?? 0) + turnedAway,
    joinsPerSecond: ((joined - last.joined) / Math.max(1, nowMs - last.elapsedMs)) * 1000,
    joinP50Ms: join.p50,
    joinP99Ms: join.p99,
    statusP50Ms: status.p50,
    statusP99Ms: status.p99,
  };
}

/** The numbers at the end. By HTTP alone these show when the system has come to rest. */
async function finalInfo(operator: CouponApi, options: RushOptions, settleMs: number): Promise<InfoFacts> {
  const deadline = performance.now() + settleMs;
  for (;;) {
    const answer = await operator.info(options.promotionId);
    options.signal.throwIfAborted();
    if (answer.kind === 'INFO' && answer.queueSize + answer.processingCount === 0) return answer;
    if (performance.now() > deadline) {
      if (answer.kind === 'INFO') return answer;
      throw silent(options, answer.reason);
    }
    await pause(WATCH_INTERVAL_MS);
  }
}

const silent = ({ apiUrl }: RushOptions, reason: string) =>
  new Error(`The system at ${apiUrl} stopped answering (${reason}), so nothing can be audited: look at its log, then try again.`);

function figuresOf({ phones, api }: Crowd, { promotionId, apiUrl, users, stock }: RushOptions): Omit<RushResult, 'timedOut' | 'soldOutMs' | 'auditedBy' | 'audit'> {
  const answered = phones.filter(({ answeredAtMs }) => answeredAtMs !== undefined);
  const firstSentMs = phones.reduce((first, { sentAtMs = Infinity }) => Math.min(first, sentAtMs), Infinity);
  const since = (times: number[]) => Math.max(0, times.reduce((a, b) => Math.max(a, b), 0) - (Number.isFinite(firstSentMs) ? firstSentMs : 0));
  const joinedMs = since(answered.map(({ answeredAtMs = 0 }) => answeredAtMs));
  return {
    promotionId,
    apiUrl,
    users,
    stock,
    issued: count(phones, ({ status }) => status === 'COMPLETED'),
    lost: count(phones, ({ status }) => status === 'FAILED'),
    turnedAway: count(phones, ({ outcome }) => outcome === 'TURNED_AWAY'),
    joinsPerSecond: joinedMs > 0 ? (answered.length / joinedMs) * 1000 : 0,
    join: latencyOf(api.joinLatencyUs),
    status: latencyOf(api.statusLatencyUs),
    joinedMs,
    totalMs: since(phones.map(({ lastSeenAtMs = 0 }) => lastSeenAtMs)),
  };
}

function count(phones: readonly PhoneFacts[], wanted: (phone: PhoneFacts) => boolean): number {
  let found = 0;
  for (const phone of phones) if (wanted(phone)) found += 1;
  return found;
}

function latencyOf(histogram: CouponApi['joinLatencyUs']): Latency {
  if (histogram.count === 0) return { count: 0, p50: 0, p99: 0, max: 0 };
  return {
    count: histogram.count,
    p50: histogram.percentile(50) / US_PER_MS,
    p99: histogram.percentile(99) / US_PER_MS,
    max: histogram.max / US_PER_MS,
  };
}
