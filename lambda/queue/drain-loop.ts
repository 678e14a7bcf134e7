import { crc32 } from 'node:zlib';
import { Alarm } from './alarm.ts';
import { ChunkTurns } from './chunk-turns.ts';
import { type Clock, realClock } from './clock.ts';
import { drain, isResting, type Pace } from './drain.ts';
import { beat, beginRun } from './drain-run.ts';
import { issueMessages } from './issue-message.ts';
import { FORGET_AFTER_MS, forgetPromotion, listPromotions } from './promotions.ts';
import type { RedisClient } from './redis.ts';
import { retire } from './retire.ts';
import type { Send } from './send.ts';
import { sweep } from './sweep.ts';

/** Promotions visited at the same time: more than hang when one Redis node of several is away. */
export const VISITS_AT_ONCE = 1024;
/** Below this interval a ms that a batch is late costs half a percent of the pace, and more: such a loop takes its time exactly. */
const EXACT_BELOW_MS = 200;
/** So many visits in a row at most ask a resting promotion by a plain read; only the script sees that it is being removed, or is gone. */
const RESTING_VISITS_MAX = 5;
/** A run begins nothing new when less than this is left of its life, so that all it has begun can end: two time-outs each of Redis and SQS. */
export const STOP_BEFORE_DEADLINE_MS = 10_000;
/** A heartbeat is fresh for this many intervals, and at least for HEARTBEAT_FRESH_MS_MIN. */
const HEARTBEAT_FRESH_INTERVALS = 3;
const HEARTBEAT_FRESH_MS_MIN = 5000;
/** A tick waits so many intervals for promotions to be tried; each that does not hang is due once in little more than one. */
const TICK_INTERVALS_MAX = 2;
/** Most time until the list of promotions is asked for again after that failed. */
const RETRY_DELAY_MS = 1000;

/** How long (ms) a run counts as alive after a completed tick. */
export const heartbeatFreshMs = (drainIntervalMs: number) => Math.max(HEARTBEAT_FRESH_INTERVALS * drainIntervalMs, HEARTBEAT_FRESH_MS_MIN);

/** What a run reports; nothing here may throw. */
export interface DrainReport {
  ticked(): void;
  /** A promotion was drained; resting means that nobody is in line, in processing or to be swept. */
  visited(promotionId: string, resting: boolean): void;
  admitted(promotionId: string, users: number, batch: Batch): void;
  /** Users sent again because their lease had lapsed. */
  resent(promotionId: string, users: number, batch: Batch): void;
  swept(promotionId: string, users: number): void;
  /** Users that stood in a line although they were no longer waiting. */
  dropped(promotionId: string, userIds: string[]): void;
  /** Something failed, for one promotion or (null) for the whole tick; the run goes on. */
  failed(promotionId: string | null, error: unknown, batch?: Batch): void;
}

/** What a drain took out of the line, and what its messages are found by. */
export interface Batch {
  /** The last ticket of those that the drain let out of the line, or of an earlier one if it let nobody out. */
  lastTicket: number;
  correlationId: string | undefined;
}

export interface DrainLoop {
  redis: RedisClient;
  send: Send;
  pace: Pace;
  /** This loop serves the promotions of shard `shard` of `shards`. */
  shard: number;
  shards: number;
  /** Life that is left to this run (ms). */
  remainingMs: () => number;
  report: DrainReport;
  /** Makes an id that the log lines about one batch have in common, up to the issuer's. */
  correlationId?: () => string;
  clock?: Clock;
}

/** The shard that a promotion belongs to. */
export const shardOf = (promotionId: string, shards: number) => crc32(promotionId) % shards;

/** One promotion as a run sees it. */
interface Place {
  /** Local time of the next visit. */
  dueAt: number;
  visiting: boolean;
  registeredAtMs: number;
  /** Visits since the drain script found it resting; 0 if it did not. */
  restingVisits: number;
}

/**
 * One run of the loop: drains every promotion of its shard each interval, sleeping exactly as long as drain says, and between
 * that sweeps and retires. Neither promotions nor messages on their way wait for each other. A tick is complete when each
 * promotion was drained, or tried, once; the run then reports itself, and stops if a newer run works. Whatever it began is
 * done when it returns.
 * @returns why it stopped
 */
export async function drainLoop(loop: DrainLoop): Promise<'DEADLINE' | 'SUPERSEDED'> {
  const { redis, pace, shard, shards, report, clock = realClock } = loop;
  const places = new Map<string, Place>();
  /** Begun and not yet done: visits, messages on their way, the tick. */
  const underWay = new Set<Promise<void>>();
  const alarm = new Alarm(clock, pace.drainIntervalMs < EXACT_BELOW_MS);
  const ending = () => loop.remainingMs() <= STOP_BEFORE_DEADLINE_MS;
  let run: number | undefined;
  let visits = 0;
  /** Promotions that the present tick has not tried yet, and what to call when there are none. */
  const untried = new Set<string>();
  let allTried = () => undefined as void;
  let ticking = false;
  let nextTickAt = 0;
  let superseded = false;
  const chunks = new ChunkTurns({ stopping: () => superseded || ending(), track, failed: (promotionId, error) => report.failed(promotionId, error) });

  // Bounded by the run's life.
  while (!superseded && !ending()) {
    if (!ticking && clock.now() >= nextTickAt) {
      ticking = true;
      nextTickAt = clock.now() + pace.drainIntervalMs;
      track(tick().finally(() => (ticking = false)));
    }
    startVisits();
    await alarm.wait(nextDueAt() - clock.now());
  }
  allTried();
  // What is under way may begin something itself (a visit its messages), and nothing else does any more.
  while (underWay.size > 0) await Promise.all(underWay);
  return superseded ? 'SUPERSEDED' : 'DEADLINE';

  function track(work: Promise<void>): void {
    const tracked = work.finally(() => {
      underWay.delete(tracked);
      alarm.ring();
    });
    underWay.add(tracked);
  }

  /** Reports what fails, and goes on: the list of promotions and the handover are no reason to keep anyone waiting. */
  async function attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      report.failed(null, error);
      return false;
    }
  }

  async function tick(): Promise<void> {
    await attempt(async () => {
      run ??= await beginRun(redis, shard);
    });
    if (!(await attempt(refresh))) {
      // Those that are known already are visited all the same.
      nextTickAt = clock.now() + Math.min(RETRY_DELAY_MS, pace.drainIntervalMs);
      return;
    }
    untried.clear();
    for (const promotionId of places.keys()) untried.add(promotionId);
    if (ending()) return;
    alarm.ring();
    if (untried.size > 0) await triedOrLate();
    // One that hangs counts as tried in the end, since the heartbeat may not hang with it; if all do, there is none.
    const hanging = [...untried].filter((promotionId) => places.get(promotionId)?.visiting).length;
    if (hanging < untried.size || (hanging > 0 && hanging === places.size)) return;
    report.ticked();
    await attempt(async () => {
      if (run === undefined) return;
      superseded = (await beat(redis, shard, run, heartbeatFreshMs(pace.drainIntervalMs))) === 'SUPERSEDED';
    });
  }

  function triedOrLate(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(TICK_INTERVALS_MAX * pace.drainIntervalMs, resolve);
      allTried = () => {
        cancel();
        resolve();
      };
    });
  }

  async function refresh(): Promise<void> {
    const listed = new Set<string>();
    for (const { promotionId, registeredAtMs } of await listPromotions(redis)) {
      if (shardOf(promotionId, shards) !== shard) continue;
      listed.add(promotionId);
      const place = places.get(promotionId);
      if (place) place.registeredAtMs = registeredAtMs;
      else places.set(promotionId, { dueAt: 0, visiting: false, registeredAtMs, restingVisits: 0 });
    }
    for (const promotionId of places.keys()) if (!listed.has(promotionId)) places.delete(promotionId);
  }

  /** Longest overdue first, so that those which hang and those which are swept leave room for all others. */
  function startVisits(): void {
    if (visits >= VISITS_AT_ONCE) return;
    const now = clock.now();
    const due: [string, Place][] = [];
    for (const entry of places) if (!entry[1].visiting && entry[1].dueAt <= now) due.push(entry);
    if (due.length > VISITS_AT_ONCE - visits) due.sort(([, a], [, b]) => a.dueAt - b.dueAt);
    for (const [promotionId, place] of due.slice(0, VISITS_AT_ONCE - visits)) {
      place.visiting = true;
      visits += 1;
      track(
        visit(promotionId, place).finally(() => {
          place.visiting = false;
          visits -= 1;
        }),
      );
    }
  }

  function nextDueAt(): number {
    let at = clock.now() + Math.max(0, loop.remainingMs() - STOP_BEFORE_DEADLINE_MS);
    if (!ticking) at = Math.min(at, nextTickAt);
    if (visits < VISITS_AT_ONCE) for (const place of places.values()) if (!place.visiting) at = Math.min(at, place.dueAt);
    return at;
  }

  async function visit(promotionId: string, place: Place): Promise<void> {
    try {
      if (place.restingVisits > 0 && place.restingVisits < RESTING_VISITS_MAX && (await isResting(redis, promotionId))) {
        tried(promotionId);
        place.restingVisits += 1;
        place.dueAt = clock.now() + pace.drainIntervalMs;
        return;
      }
      const askedAt = clock.now();
      const outcome = await drain(redis, promotionId, pace);
      tried(promotionId);
      place.restingVisits = outcome.kind === 'DRAINED' && outcome.resting && outcome.state !== 'REMOVING' ? 1 : 0;
      if (outcome.kind === 'NOT_FOUND') {
        place.dueAt = clock.now() + pace.drainIntervalMs;
        if (clock.wallNow() - place.registeredAtMs > FORGET_AFTER_MS) await forgetPromotion(redis, promotionId);
        return;
      }
      // The wait counts from before the work: a batch takes some ms, an answer without one is there at once.
      const worked = outcome.kind === 'DRAINED' && outcome.admitted.length + outcome.resent.length > 0;
      place.dueAt = (worked ? askedAt : clock.now()) + outcome.waitMs;
      if (outcome.kind === 'NOT_DUE') return;
      report.visited(promotionId, outcome.resting);
      if (outcome.dropped.length > 0) report.dropped(promotionId, outcome.dropped);
      send(promotionId, outcome);
      if (outcome.soldOutLine > 0 || outcome.state === 'REMOVING') chunks.add(promotionId, sweepThenRetire(promotionId, outcome));
    } catch (error) {
      tried(promotionId);
      place.dueAt = Math.max(place.dueAt, clock.now() + pace.drainIntervalMs);
      report.failed(promotionId, error);
    }
  }

  function tried(promotionId: string): void {
    if (untried.delete(promotionId) && untried.size === 0) allTried();
  }

  /** Sends without waiting: when SQS is slow, the next drain need not be; MAX_IN_FLIGHT bounds what is on its way. */
  function send(promotionId: string, { admitted, resent, nowServing }: { admitted: string[]; resent: string[]; nowServing: number }): void {
    if (admitted.length + resent.length === 0) return;
    const batch = { lastTicket: nowServing, correlationId: loop.correlationId?.() };
    if (admitted.length > 0) report.admitted(promotionId, admitted.length, batch);
    if (resent.length > 0) report.resent(promotionId, resent.length, batch);
    for (const message of issueMessages(promotionId, [...resent, ...admitted], batch.correlationId)) {
      track(loop.send(message).catch((error: unknown) => report.failed(promotionId, error, batch)));
    }
  }

  /** What is to be done for a promotion that is over, a chunk at each call; answers whether there is more. */
  function sweepThenRetire(promotionId: string, { soldOutLine, state }: { soldOutLine: number; state: string }): () => Promise<boolean> {
    let unswept = soldOutLine;
    return async () => {
      if (unswept === 0) return (await retire(redis, promotionId)).kind === 'RETIRED';
      const { failed, left, dropped } = await sweep(redis, promotionId);
      if (failed > 0) report.swept(promotionId, failed);
      if (dropped.length > 0) report.dropped(promotionId, dropped);
      unswept = left;
      return left > 0 || state === 'REMOVING';
    };
  }
}
