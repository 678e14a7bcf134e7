import { describe, expect, it } from 'vitest';
import type { RedisFacts } from '../../bench/facts.ts';
import { type Call, History, type Killing } from '../../bench/history.ts';

const redis: RedisFacts = {
  stock: 0,
  initialStock: 1,
  line: [],
  soldOutLine: [],
  processing: [],
  leases: [],
  tickets: new Map([['kim', 1], ['lee', 2]]),
  statuses: new Map([['kim', 'COMPLETED'], ['lee', 'FAILED']]),
};

const call = (userId: string, answer: Call['answer'], sentAtMs = 0, route: Call['route'] = 'join'): Call => ({ route, userId, sentAtMs, endedAtMs: sentAtMs + 10, answer });
const joined = (position: number): Call['answer'] => ({ kind: 'JOINED', status: 'WAITING', position });
const fault = (statusCode: number, code?: string): Call['answer'] => ({ kind: 'TRY_AGAIN', answered: true, reason: `answered ${statusCode}`, afterMs: 0, statusCode, ...(code && { code }) });
const unknown: Call['answer'] = { kind: 'TRY_AGAIN', answered: false, reason: 'ECONNRESET', afterMs: 0 };

function failuresOf(calls: Call[], killings: Killing[] = []) {
  const history = new History();
  for (const each of calls) history.record(each);
  return history.checks(redis, killings).filter(({ result }) => result === 'FAILED').map(({ promise, offenders }) => ({ promise, offenders }));
}

describe('a history', () => {
  it('of calls that were served, unknown, 503, or 500 when their function was killed, breaks no promise', () => {
    const killed = [{ functionName: 'join', fromMs: 95, toMs: 100 }];
    const calls = [
      call('kim', unknown),
      call('kim', joined(1), 20),
      call('kim', { kind: 'STATUS', status: 'COMPLETED', position: 0, estimatedWaitSeconds: 0 }, 40, 'status'),
      call('lee', fault(503, 'UNAVAILABLE'), 20),
      call('lee', fault(500), 90),
      call('lee', joined(2), 120),
      call('may', { kind: 'SOLD_OUT' }, 200),
    ];
    expect(failuresOf(calls, killed)).toEqual([]);
    const history = new History();
    for (const each of calls) history.record(each);
    expect(history.counts()).toEqual({ sent: 7, served: 4, unknown: 1, faults: { '503 UNAVAILABLE': 1, '500 by the gateway': 1 } });
  });

  it.each<{ calls: Call[]; promise: string; offender: string; killings?: Killing[] }>([
    { calls: [call('may', joined(1))], promise: 'every join answered 200 is there', offender: 'may (lost)' },
    { calls: [call('kim', joined(2))], promise: 'a place that was told is not behind the ticket', offender: 'kim (told place 2, holds ticket 1)' },
    { calls: [call('lee', joined(1)), call('lee', joined(2), 20)], promise: 'call by call, answers only moved forward', offender: 'lee (position grew from 1 to 2)' },
    { calls: [call('lee', joined(1)), call('lee', { kind: 'SOLD_OUT' }, 20)], promise: 'call by call, answers only moved forward', offender: 'lee (was WAITING, then sold out at the door)' },
    {
      calls: [call('kim', fault(500, 'INTERNAL_ERROR'), 1000)],
      promise: 'faults were answered 503; 500 only by a function that was killed',
      offender: 'kim (join at 1.0 s: 500 INTERNAL_ERROR)',
      killings: [{ functionName: 'join', fromMs: 0, toMs: 2000 }],
    },
    {
      calls: [call('kim', fault(500), 1000)],
      promise: 'faults were answered 503; 500 only by a function that was killed',
      offender: 'kim (join at 1.0 s: 500 by the gateway)',
      killings: [{ functionName: 'status', fromMs: 0, toMs: 2000 }],
    },
    {
      calls: [call('kim', fault(500), 1000)],
      promise: 'faults were answered 503; 500 only by a function that was killed',
      offender: 'kim (join at 1.0 s: 500 by the gateway)',
      killings: [{ functionName: 'join', fromMs: 2000, toMs: 2000 }],
    },
    { calls: [call('kim', fault(504), 0)], promise: 'faults were answered 503; 500 only by a function that was killed', offender: 'kim (join at 0.0 s: 504 by the gateway)' },
  ])('shows $offender', ({ calls, promise, offender, killings }) => {
    expect(failuresOf(calls, killings).filter((failure) => failure.promise === promise)).toEqual([{ promise, offenders: [offender] }]);
  });

  it('without a single call proves nothing', () => {
    expect(failuresOf([]).map(({ promise }) => promise)).toEqual(['every call is in the history']);
  });
});
