import type { Agenda } from './agenda.ts';
import type { CouponApi } from './coupon-api.ts';
import type { PhoneFacts, Status } from './facts.ts';
import type { Call } from './history.ts';
import type { Lane } from './lane.ts';

/** A join that meets a fault is sent again, each time after a longer wait: 25 s in all, on average. */
export const JOIN_ATTEMPTS_MAX = 10;
const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 8_000;
/** A poll comes when half of the estimated wait is over, but neither sooner nor later than this. */
const POLL_INTERVAL_MIN_MS = 1_000;
const POLL_INTERVAL_MAX_MS = 10_000;
/** Waits are spread by this share to either side, so that phones that began together do not stay together. */
const JITTER = 0.2;

/** What phones share. */
export interface Surroundings {
  api: CouponApi;
  promotionId: string;
  /** Bounds of what is under way at a time; polls do not stand behind the joins of others. */
  joins: Lane;
  polls: Lane;
  agenda: Agenda;
  /** Time since the crowd was let in (ms). */
  nowMs: () => number;
  /** Attempts to join before a phone gives up. */
  joinAttemptsMax: number;
  /** Keeps a call and what came of it. */
  record: (call: Call) => void;
  /** Once aborted, phones give up. */
  signal: AbortSignal;
}

const order: Record<Status, number> = { NOT_IN_QUEUE: 0, WAITING: 1, PROCESSING: 2, COMPLETED: 3, FAILED: 3 };
const isFinal = (status: Status | undefined) => status === 'COMPLETED' || status === 'FAILED';

/**
 * Lives the life of a phone: it joins, again after a fault, then polls as often as its place in line deserves, until it is told
 * that its user has won or lost. What it does and sees is noted in `phone`. Never rejects.
 */
export async function livePhone(phone: PhoneFacts, around: Surroundings): Promise<void> {
  const { agenda, signal } = around;
  await joinUntilAnswered(phone, around);
  let intervalMs = POLL_INTERVAL_MIN_MS;
  // Bounded by the signal: a line may be long, and only the crowd's deadline says when it is too long.
  while (phone.outcome === 'JOINED' && !isFinal(phone.status) && !signal.aborted) {
    await agenda.sleep(spread(intervalMs));
    if (!signal.aborted) intervalMs = await poll(phone, around, intervalMs);
  }
}

async function joinUntilAnswered(phone: PhoneFacts, around: Surroundings): Promise<void> {
  const { api, promotionId, joins, agenda, nowMs, joinAttemptsMax, signal } = around;
  while (phone.attempts < joinAttemptsMax && !signal.aborted) {
    const answer = await joins.run(async () => {
      if (signal.aborted) return undefined;
      phone.attempts += 1;
      phone.sentAtMs ??= nowMs();
      return recorded('join', phone, around, () => api.join(promotionId, phone.userId));
    });
    if (answer === undefined) return;
    if (answer.kind === 'TRY_AGAIN') {
      // What is cut off at the end of time says nothing about the system.
      if (!signal.aborted) phone.trouble = answer.reason;
      await agenda.sleep(Math.max(answer.afterMs, backoffMs(phone.attempts)));
      continue;
    }
    phone.answeredAtMs = nowMs();
    phone.lastSeenAtMs = phone.answeredAtMs;
    if (answer.kind === 'REFUSED') {
      phone.outcome = 'REFUSED';
      phone.trouble = answer.reason;
    } else if (answer.kind === 'SOLD_OUT') {
      phone.outcome = 'TURNED_AWAY';
    } else {
      phone.outcome = 'JOINED';
      if (phone.attempts === 1 && answer.status !== 'WAITING') phone.violation = `was ${answer.status} at its first join`;
      see(phone, answer.status, answer.position);
    }
    return;
  }
}

/** Answers after how many ms to poll again. */
async function poll(phone: PhoneFacts, around: Surroundings, intervalMs: number): Promise<number> {
  const { api, promotionId, polls, nowMs, signal } = around;
  const answer = await polls.run(async () =>
    signal.aborted ? undefined : recorded('status', phone, around, () => api.status(promotionId, phone.userId)),
  );
  if (answer === undefined) return intervalMs;
  if (answer.kind === 'TRY_AGAIN') return Math.max(intervalMs, answer.afterMs);
  phone.lastSeenAtMs = nowMs();
  if (answer.kind === 'REFUSED') {
    phone.violation ??= `a poll was ${answer.reason}`;
    return POLL_INTERVAL_MAX_MS;
  }
  see(phone, answer.status, answer.position);
  if (answer.status !== 'WAITING') return POLL_INTERVAL_MIN_MS;
  return Math.max(POLL_INTERVAL_MIN_MS, Math.min((answer.estimatedWaitSeconds * 1000) / 2, POLL_INTERVAL_MAX_MS));
}

/** Makes a call, and notes when it was sent and what came of it. */
async function recorded<A extends Call['answer']>(route: Call['route'], { userId }: PhoneFacts, around: Surroundings, call: () => Promise<A>): Promise<A> {
  const sentAtMs = around.nowMs();
  const answer = await call();
  // What is cut off at the end of time says nothing about the system.
  if (!around.signal.aborted) around.record({ route, userId, sentAtMs, endedAtMs: around.nowMs(), answer });
  return answer;
}

/** Notes what a phone is told, and the first thing that contradicts what it was told before. */
export function see(phone: PhoneFacts, status: Status, position: number): void {
  const before = phone.status;
  if (status === 'NOT_IN_QUEUE') {
    phone.violation ??= `was ${before ?? 'let in'}, then unknown`;
  } else if (before !== undefined && (order[status] < order[before] || (isFinal(before) && status !== before))) {
    phone.violation ??= `went from ${before} to ${status}`;
  } else if (status === 'WAITING' && position < 1) {
    phone.violation ??= `was WAITING at position ${position}`;
  } else if (status === 'WAITING' && before === 'WAITING' && position > phone.position) {
    phone.violation ??= `position grew from ${phone.position} to ${position}`;
  }
  phone.status = status;
  phone.position = position;
}

const spread = (ms: number) => ms * (1 - JITTER + Math.random() * 2 * JITTER);

/** Full jitter: faults hit many phones at once, and they must not come back at once. */
const backoffMs = (attempts: number) => Math.random() * Math.min(BACKOFF_FIRST_MS * 2 ** attempts, BACKOFF_MAX_MS);
