import { crc32 } from 'node:zlib';
import { drain, type Pace } from './drain.ts';
import { beat, beginRun } from './drain-run.ts';
import { issueMessages } from './issue-message.ts';
import { FORGET_AFTER_MS, forgetPromotion, listPromotions } from './promotions.ts';
import type { RedisClient } from './redis.ts';
import { retire } from './retire.ts';
import type { Send } from './send.ts';
import { sweep } from './sweep.ts';

/** Promotions visited at the same time. */
const VISITS_AT_ONCE = 256;
/** A run begins nothing new when less than this is left of its life, so that all it has begun can end: two time-outs each of Redis and SQS. */
export const STOP_BEFORE_DEADLINE_MS = 10_000;
/** A heartbeat is fresh for this many intervals, and at least for HEARTBEAT_FRESH_MS_MIN. */
const HEARTBEAT_FRESH_INTERVALS = 3;
const HEARTBEAT_FRESH_MS_MIN = 5000;
/** Wait before Redis is asked again after it failed. */
const RETRY_DELAY_MS = 250;

/** What a run reports; nothing here may throw. */
export interface DrainReport {
  ticked(): void;
  admitted(promotionId: string, users: number): void;
  /** Users sent again because their lease had lapsed. */
  resent(promotionId: string, users: number): void;
  swept(promotionId: string, users: number): void;
  /** Users that stood in a line although they were no longer waiting. */
  dropped(promotionId: string, userIds: string[]): void;
  /** Something failed, for one promotion or (null) for the whole tick; the run goes on. */
  failed(promotionId: string | null, error: unknown): void;
}

/** The time as a run sees it; a simulation brings its own. */
export interface Clock {
  /** Monotonic time (ms). */
  now: () => number;
  /** Wall clock (ms since 1970), good enough to guess the age of an entry. */
  wallNow: () => number;
  /** Calls back once after so many ms; the answer cancels that. */
  after: (ms: number, callback: () => void) => () => void;
}

export const realClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

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
  clock?: Clock;
}

/** The shard that a promotion belongs to. */
export const shardOf = (promotionId: string, shards: number) => crc32(promotionId) % shards;

/** One promotion as a run sees it. */
interface Place {
  /** Local time of the next visit. */
  dueAt: number;
  visiting: boolean;
  /** Drained, or tried, in the present tick. */
  ticked: boolean;
  registeredAtMs: number;
}

/**
 * One run of the loop: drains every promotion of its shard each interval, sleeping exactly as long as drain says, and between
 * that sweeps and retires. Promotions don't wait for each other. A tick is complete when each was drained, or tried, once; the
 * run then reports itself, and stops if a newer run works. Whatever it began is done when it returns.
 * @returns why it stopped
 */
export async function drainLoop(loop: DrainLoop): Promise<'DEADLINE' | 'SUPERSEDED'> {
  const { redis, pace, shard, shards, report, clock = realClock } = loop;
  const freshMs = Math.max(HEARTBEAT_FRESH_INTERVALS * pace.drainIntervalMs, HEARTBEAT_FRESH_MS_MIN);
  const places = new Map<string, Place>();
  const visits = new Set<Promise<void>>();
  const alarm = new Alarm(clock);
  const ending = () => loop.remainingMs() <= STOP_BEFORE_DEADLINE_MS;
  let run: number | undefined;
  let tickOpen = false;
  let nextTickAt = 0;
  let result: 'DEADLINE' | 'SUPERSEDED' = 'DEADLINE';

  // Bounded by the run's life.
  while (!ending()) {
    const now = clock.now();
    try {
      run ??= await beginRun(redis, shard);
      if (!tickOpen && now >= nextTickAt) {
        await refresh();
        tickOpen = true;
        nextTickAt = now + pace.drainIntervalMs;
      }
      startVisits(now);
      if (tickOpen && [...places.values()].every((place) => place.ticked)) {
        tickOpen = false;
        report.ticked();
        if ((await beat(redis, shard, run, freshMs)) === 'SUPERSEDED') {
          result = 'SUPERSEDED';
          break;
        }
      }
      await alarm.wait(nextDueAt() - clock.now());
    } catch (error) {
      report.failed(null, error);
      await alarm.wait(Math.max(RETRY_DELAY_MS, pace.drainIntervalMs));
    }
  }
  await Promise.all(visits);
  return result;

  async function refresh(): Promise<void> {
    const listed = new Set<string>();
    for (const { promotionId, registeredAtMs } of await listPromotions(redis)) {
      if (shardOf(promotionId, shards) !== shard) continue;
      listed.add(promotionId);
      const place = places.get(promotionId);
      // One that is being visited still from the last tick counts as tried: it may hang, and the heartbeat may not.
      if (place) Object.assign(place, { ticked: place.visiting, registeredAtMs });
      else places.set(promotionId, { dueAt: 0, visiting: false, ticked: false, registeredAtMs });
    }
    for (const promotionId of places.keys()) if (!listed.has(promotionId)) places.delete(promotionId);
  }

  function startVisits(now: number): void {
    for (const [promotionId, place] of places) {
      if (visits.size >= VISITS_AT_ONCE) return;
      if (place.visiting || place.dueAt > now) continue;
      place.visiting = true;
      const visit = visitOne(promotionId, place).finally(() => {
        place.visiting = false;
        place.ticked = true;
        visits.delete(visit);
        alarm.ring();
      });
      visits.add(visit);
    }
  }

  function nextDueAt(): number {
    let at = tickOpen ? Infinity : nextTickAt;
    if (visits.size < VISITS_AT_ONCE) for (const place of places.values()) if (!place.visiting) at = Math.min(at, place.dueAt);
    return Math.min(at, clock.now() + Math.max(0, loop.remainingMs() - STOP_BEFORE_DEADLINE_MS));
  }

  async function visitOne(promotionId: string, place: Place): Promise<void> {
    place.dueAt = clock.now() + pace.drainIntervalMs;
    try {
      const outcome = await drain(redis, promotionId, pace);
      place.ticked = true;
      if (outcome.kind === 'NOT_FOUND') {
        if (clock.wallNow() - place.registeredAtMs > FORGET_AFTER_MS) await forgetPromotion(redis, promotionId);
        return;
      }
      place.dueAt = clock.now() + outcome.waitMs;
      alarm.ring();
      if (outcome.kind === 'NOT_DUE') return;
      if (outcome.dropped.length > 0) report.dropped(promotionId, outcome.dropped);
      await sendAll(promotionId, outcome.admitted, outcome.resent);
      if (outcome.soldOutLine > 0) await sweepUntilDue(promotionId, place);
      if (outcome.state === 'REMOVING') await retireUntilDue(promotionId, place);
    } catch (error) {
      report.failed(promotionId, error);
    }
  }

  async function sendAll(promotionId: string, admitted: string[], resent: string[]): Promise<void> {
    if (admitted.length > 0) report.admitted(promotionId, admitted.length);
    if (resent.length > 0) report.resent(promotionId, resent.length);
    const messages = issueMessages(promotionId, [...resent, ...admitted]);
    for (const sent of await Promise.allSettled(messages.map(loop.send))) {
      if (sent.status === 'rejected') report.failed(promotionId, sent.reason);
    }
  }

  async function sweepUntilDue(promotionId: string, place: Place): Promise<void> {
    // Bounded by the time until the next drain, which finds whatever is left.
    while (clock.now() < place.dueAt && !ending()) {
      const { failed, left, dropped } = await sweep(redis, promotionId);
      if (failed > 0) report.swept(promotionId, failed);
      if (dropped.length > 0) report.dropped(promotionId, dropped);
      if (left === 0) return;
    }
  }

  async function retireUntilDue(promotionId: string, place: Place): Promise<void> {
    while (clock.now() < place.dueAt && !ending()) {
      if ((await retire(redis, promotionId)).kind !== 'RETIRED') return;
    }
  }
}

/** A sleep that can be cut short. */
class Alarm {
  readonly #clock: Clock;
  #wake: (() => void) | undefined;
  #rung = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the present sleep, or else the next one at once. */
  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Sleeps for so many ms, or until it is rung. */
  async wait(ms: number): Promise<void> {
    if (!this.#rung && ms > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(Math.ceil(ms), resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#rung = false;
    this.#wake = undefined;
  }
}
