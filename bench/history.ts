import { check, type Check } from './audit.ts';
import type { JoinAnswer, StatusAnswer } from './coupon-api.ts';
import { newPhone, type RedisFacts } from './facts.ts';
import { see } from './phone.ts';

/** One call of a phone: when it was sent, when it ended, and what came of it. Times are ms since the crowd was let in. */
export interface Call {
  route: 'join' | 'status';
  userId: string;
  sentAtMs: number;
  endedAtMs: number;
  answer: JoinAnswer | StatusAnswer;
}

/** A time (ms) in which processes of a function were killed. */
export interface Killing {
  functionName: string;
  fromMs: number;
  toMs: number;
}

/** What a crowd's calls came to. */
export interface CallCounts {
  sent: number;
  /** With an answer that is final for the call. */
  served: number;
  /** Answered 5xx or 429, by status and the API's own code. */
  faults: Record<string, number>;
  /** Without any answer: they may have happened or not. */
  unknown: number;
}

/** Calls kept, about 200 bytes each. */
const CALLS_MAX = 5_000_000;
/** From the death of a process until the runner has noticed it and has another: until then calls may end with it. */
const KILL_NOTICED_MS = 15_000;

/** Every call of a crowd, in the order in which they ended. */
export class History {
  readonly calls: Call[] = [];
  #left = 0;

  record = (call: Call): void => {
    if (this.calls.length < CALLS_MAX) this.calls.push(call);
    else this.#left += 1;
  };

  counts(): CallCounts {
    const counts: CallCounts = { sent: this.calls.length + this.#left, served: 0, faults: {}, unknown: 0 };
    for (const { answer } of this.calls) {
      if (answer.kind !== 'TRY_AGAIN') counts.served += 1;
      else if (!answer.answered) counts.unknown += 1;
      else counts.faults[faultOf(answer)] = (counts.faults[faultOf(answer)] ?? 0) + 1;
    }
    return counts;
  }

  /** Holds every single call against what Redis holds in the end and against each other. */
  checks(redis: RedisFacts, killings: readonly Killing[]): Check[] {
    const { sent, served, unknown, faults } = this.counts();
    const refusals = Object.entries(faults).map(([fault, count]) => `${count} ${fault}`);
    return [
      check('every call is in the history', {
        detail: [`${sent} sent`, `${served} served`, `${unknown} unknown`, ...refusals].join(', '),
        broken: this.#left > 0 || sent === 0,
      }),
      check('every join answered 200 is there', joinsAreThere(this.calls, redis)),
      check('a place that was told is not behind the ticket', placesFitTickets(this.calls, redis)),
      check('call by call, answers only moved forward', onlyForward(this.calls)),
      check('faults were answered 503; 500 only by a function that was killed', faultsAnsweredRightly(this.calls, killings)),
    ];
  }
}

const faultOf = ({ statusCode, code }: { statusCode?: number; code?: string }) => `${statusCode} ${code ?? 'by the gateway'}`;
const isAnswered = ({ answer }: Call) => answer.kind === 'JOINED' || answer.kind === 'STATUS';

function joinsAreThere(calls: readonly Call[], { tickets, statuses }: RedisFacts) {
  const answered = new Set(calls.flatMap(({ userId, answer }) => (answer.kind === 'JOINED' ? [userId] : [])));
  const lost = [...answered].filter((user) => !tickets.has(user) || statuses.get(user) === null);
  return { detail: `${answered.size} users were told a place or a state by join, ${tickets.size} have tickets`, offenders: lost.map((user) => `${user} (lost)`) };
}

/** Position = ticket - now serving, and now serving is never negative. */
function placesFitTickets(calls: readonly Call[], { tickets }: RedisFacts) {
  const offenders: string[] = [];
  let places = 0;
  for (const { userId, answer } of calls) {
    if ((answer.kind !== 'JOINED' && answer.kind !== 'STATUS') || answer.status !== 'WAITING') continue;
    places += 1;
    const ticket = tickets.get(userId) ?? 0;
    if (answer.position > ticket) offenders.push(`${userId} (told place ${answer.position}, holds ticket ${ticket})`);
  }
  return { detail: `${places} places`, offenders };
}

/** A phone asks one thing at a time, so the calls of one user stand in the order in which they were sent. */
function onlyForward(calls: readonly Call[]) {
  const phones = new Map<string, ReturnType<typeof newPhone>>();
  for (const { userId, answer } of calls) {
    const phone = phones.get(userId) ?? newPhone(userId);
    phones.set(userId, phone);
    if (answer.kind === 'JOINED' || answer.kind === 'STATUS') see(phone, answer.status, answer.position);
    else if (answer.kind === 'SOLD_OUT' && phone.status !== undefined) phone.violation ??= `was ${phone.status}, then sold out at the door`;
  }
  const offenders = [...phones.values()].filter(({ violation }) => violation !== undefined);
  return {
    detail: `${calls.filter(isAnswered).length} answers to ${phones.size} users`,
    offenders: offenders.map(({ userId, violation }) => `${userId} (${violation})`),
  };
}

/** API Gateway answers 500 for a function that died, and 503 for one that is throttled or late; ours is 503, and 500 is a bug. */
function faultsAnsweredRightly(calls: readonly Call[], killings: readonly Killing[]) {
  const wrong = calls.filter(({ route, sentAtMs, endedAtMs, answer }) => {
    if (answer.kind !== 'TRY_AGAIN' || !answer.answered || answer.statusCode === 503) return false;
    const died = killings.some(({ functionName, fromMs, toMs }) => functionName === route && fromMs <= endedAtMs && sentAtMs <= toMs + KILL_NOTICED_MS);
    return !(answer.statusCode === 500 && answer.code === undefined && died);
  });
  return {
    detail: `${calls.filter(({ answer }) => answer.kind === 'TRY_AGAIN' && answer.answered).length} calls were answered 5xx`,
    offenders: wrong.map(({ userId, route, sentAtMs, answer }) => `${userId} (${route} at ${(sentAtMs / 1000).toFixed(1)} s: ${answer.kind === 'TRY_AGAIN' ? faultOf(answer) : ''})`),
  };
}
