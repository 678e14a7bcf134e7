import { check, audit, type Audit, type Check } from './audit.ts';
import { Arrivals } from './arrivals.ts';
import { bringAbout, type Suffered } from './chaos-faults.ts';
import { kills, planFaults, type Fault, type FaultKind } from './chaos-plan.ts';
import { ChaosSystem } from './chaos-system.ts';
import { CouponApi } from './coupon-api.ts';
import { letIn, type Crowd } from './crowd.ts';
import type { RedisFacts } from './facts.ts';
import { figuresOf, type Figures } from './figures.ts';
import { History, type CallCounts } from './history.ts';
import { openPromotion } from './open-promotion.ts';
import type { Progress, ProgressView } from './progress.ts';
import { reachRedis, readRedisFacts, settle } from './redis-facts.ts';
import { finalInfo, SETTLE_TIMEOUT_MS, watch } from './watch.ts';

export interface ChaosOptions {
  /** Where everything is kept; it should be empty. */
  dataDir: string;
  users: number;
  stock: number;
  /** Decides the faults: which, in what order, and how long. */
  seed: number;
  rounds: number;
  kinds: readonly FaultKind[];
  drainIntervalMs: number;
  /** Pauses are longer than this. */
  leaseMs: number;
  /** The crowd has this long; who is left over then fails the audit. */
  timeoutMs: number;
  view: ProgressView;
  say: (line: string) => void;
  signal: AbortSignal;
}

/** How it went. Times are ms since the crowd was let in. */
export interface ChaosResult extends Figures {
  seed: number;
  users: number;
  stock: number;
  timedOut: boolean;
  suffered: Suffered[];
  kills: number;
  calls: CallCounts;
  audit: Audit;
}

const PROMOTION = 'chaos';
const BATCH_SIZE_MAX = 1000;
/** The sale is so slow that it takes this long per fault, even if no fault holds it up: the last one must still find it under way. */
const SALE_MS_PER_FAULT = 2_500;
/** The runner's start is the longest silence of all. */
const SILENCE_MAX_MS = 120_000;
/** Phones don't give up: at 8 s between two attempts at most, this outlasts every time-out. */
const JOIN_ATTEMPTS_MAX = 100_000;
const OPERATOR_CONNECTIONS = 2;
const OPERATOR_TIMEOUT_MS = 10_000;

/**
 * Lets a crowd rush for coupons while parts of the system are killed and paused, and audits from outside, by HTTP and Redis, that
 * nothing was lost and nobody won twice.
 * @throws Error with a sentence if the system can't be started, does not come back, or the run is broken off
 */
export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const { dataDir, stock, drainIntervalMs, leaseMs, signal } = options;
  const faults = planFaults(options);
  const broken = new AbortController();
  const ticks = (faults.length * SALE_MS_PER_FAULT) / drainIntervalMs;
  const pace = { batchSize: Math.min(BATCH_SIZE_MAX, Math.ceil(stock / ticks)), drainIntervalMs, leaseMs };
  const system = await ChaosSystem.start({ dataDir, promotionId: PROMOTION, pace, failed: (sentence) => broken.abort(new Error(sentence)) });
  const operator = new CouponApi(system.apiUrl, OPERATOR_CONNECTIONS, OPERATOR_TIMEOUT_MS);
  try {
    signal.throwIfAborted();
    return await run(options, faults, system, operator, AbortSignal.any([signal, broken.signal]));
  } finally {
    await operator.close();
    await system.stop();
  }
}

async function run(
  options: ChaosOptions,
  faults: readonly Fault[],
  system: ChaosSystem,
  operator: CouponApi,
  signal: AbortSignal,
): Promise<ChaosResult> {
  const { users, stock, seed, view, say, timeoutMs } = options;
  const { apiUrl } = system;
  await openPromotion(operator, PROMOTION, stock);
  const history = new History();
  const suffered: Suffered[] = [];
  const deadline = AbortSignal.timeout(timeoutMs);
  const stuck = new AbortController();
  const crowdEnd = AbortSignal.any([signal, deadline, stuck.signal]);
  const arrivals = new Arrivals();
  crowdEnd.addEventListener('abort', () => arrivals.advance(1), { once: true });
  const crowd = letIn({
    apiUrl,
    promotionId: PROMOTION,
    users,
    signal: crowdEnd,
    arrival: arrivals.arrival,
    joinAttemptsMax: JOIN_ATTEMPTS_MAX,
    record: history.record,
  });
  const issued = new Issued(view, (count) => arrivals.advance(count / stock));
  const over = new AbortController();
  const faultsSignal = AbortSignal.any([signal, deadline, over.signal]);
  const brought = bringAbout({ faults, system, stock, issued: () => issued.count, nowMs: crowd.elapsedMs, say, signal: faultsSignal }, suffered);
  const fault = brought.then(
    () => undefined,
    (error: unknown) => {
      // Nobody needs to wait for a system that does not recover.
      stuck.abort();
      return faultsSignal.aborted ? undefined : error;
    },
  );
  try {
    await watch(crowd, operator, { apiUrl, promotionId: PROMOTION, stock, view: issued, silenceMsMax: SILENCE_MAX_MS, signal });
  } finally {
    over.abort();
    // What is just being started has to be there before it can be stopped.
    await fault;
  }
  signal.throwIfAborted();
  const reason = await fault;
  const hit = suffered.filter((fault) => fault.hit > 0).length;
  const losses = suffered.filter(({ kind }) => kind === 'lose messages');
  const complete = check('every fault of the plan came about, and the sale went on after it', {
    detail: [
      `${suffered.length} of ${faults.length}, of which ${hit} hit a process`,
      ...losses.map(({ stranded }) => `messages were lost with ${stranded} users in processing`),
      ...(reason instanceof Error ? [reason.message] : []),
    ].join('; '),
    // A loss that found nobody in processing is told above; the system is not to blame for it.
    broken: suffered.length < faults.length,
  });

  const settleMs = complete.result === 'ok' ? SETTLE_TIMEOUT_MS : 0;
  const held = await heldBy(system, crowd, settleMs);
  const info = await finalInfo(operator, { apiUrl, promotionId: PROMOTION, signal }, settleMs);
  const killings = suffered.filter(({ kind }) => kind.startsWith('kill ')).map(({ kind, fromMs, toMs }) => ({ functionName: kind.slice('kill '.length), fromMs, toMs }));
  const { checks } = audit({ stock, phones: crowd.phones, info, redis: held });
  const all: Check[] = [complete, ...checks, ...history.checks(held, killings)];
  return {
    seed,
    users,
    stock,
    ...figuresOf(crowd),
    timedOut: deadline.aborted,
    suffered,
    kills: suffered.filter(({ kind }) => kills(kind)).reduce((sum, { hit }) => sum + hit, 0),
    calls: history.counts(),
    audit: { passed: all.every(({ result }) => result !== 'FAILED'), checks: all },
  };
}

/** A view that notes how many coupons were issued. */
class Issued implements ProgressView {
  count = 0;
  readonly #view: ProgressView;
  readonly #noted: (count: number) => void;

  constructor(view: ProgressView, noted: (count: number) => void) {
    this.#view = view;
    this.#noted = noted;
  }

  show(progress: Progress): void {
    this.count = Math.max(this.count, progress.completed);
    this.#noted(this.count);
    this.#view.show(progress);
  }

  stop(): void {
    this.#view.stop();
  }
}

async function heldBy(system: ChaosSystem, crowd: Crowd, settleMs: number): Promise<RedisFacts> {
  const redis = await reachRedis(system.redisUrl, PROMOTION);
  if (!redis) throw new Error(`Redis lost promotion ${PROMOTION}: look at its data folder.`);
  try {
    await settle(redis, PROMOTION, settleMs);
    return await readRedisFacts(redis, PROMOTION, crowd.phones.map(({ userId }) => userId));
  } finally {
    redis.disconnect();
  }
}
