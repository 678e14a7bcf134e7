import type { Random } from './random.ts';
import type { Unrest } from './scheduler.ts';

/** What becomes of a call to Redis. */
export type Fate =
  /** It runs and is answered. */
  | 'ANSWERED'
  /** It runs, and the answer takes its time. */
  | 'SLOW'
  /** It never arrives, and the caller learns that it failed. */
  | 'REFUSED'
  /** It runs, and the caller learns only that the connection broke. */
  | 'LOST'
  /** It runs, the answer is lost, and the client sends it again. */
  | 'RESENT'
  /** The caller gives up, and it runs later all the same. */
  | 'LATE';

/** Which faults a seed has, and how often. Most seeds lack most kinds, so that each kind is also seen alone. */
export interface Weather extends Unrest {
  slow: number;
  refused: number;
  /** Of sweep alone: a line that is swept late meets the next one. */
  sweepRefused: number;
  lost: number;
  resent: number;
  late: number;
  /** Of sending to SQS. */
  sendRejected: number;
  sendAnswerLost: number;
  messageLost: number;
  messageTwice: number;
  messageDelayed: number;
  /** Longest delay (ms) of whatever is delayed. */
  delayMsMax: number;
  /** Per step. */
  clockJump: number;
  scriptFlush: number;
  redrive: number;
  dayPasses: number;
}

/** The weather of a seed; leaseMs gives delays their measure. */
export function weatherOf(random: Random, leaseMs: number): Weather {
  const perhaps = (probability: number, most: number) => {
    const there = random.chance(probability);
    const rate = random.below(1000) / 1000;
    return there ? rate * most : 0;
  };
  return {
    crash: perhaps(0.5, 0.05),
    tarry: perhaps(0.6, 0.2),
    tarryMsMax: random.pick([20, 200, 2000]),
    slow: random.chance(0.7) ? 0.5 : 0.1,
    refused: perhaps(0.4, 0.2),
    sweepRefused: perhaps(0.25, 1),
    lost: perhaps(0.4, 0.2),
    resent: perhaps(0.4, 0.2),
    late: perhaps(0.3, 0.1),
    sendRejected: perhaps(0.3, 0.5),
    sendAnswerLost: perhaps(0.3, 0.5),
    messageLost: perhaps(0.3, 0.5),
    messageTwice: perhaps(0.4, 0.5),
    messageDelayed: perhaps(0.4, 0.5),
    delayMsMax: random.pick([100, leaseMs, leaseMs * 4]),
    clockJump: perhaps(0.3, 0.03),
    scriptFlush: perhaps(0.2, 0.05),
    redrive: perhaps(0.4, 0.05),
    dayPasses: perhaps(0.05, 0.02),
  };
}

/** Ends all faults, in place: whoever holds this weather has good days from now on. */
export function calm(weather: Weather): void {
  for (const key of Object.keys(weather) as (keyof Weather)[]) if (!key.endsWith('Max')) weather[key] = 0;
}

/** What becomes of the next call, of this script. */
export function fateOf(weather: Weather, random: Random, script: string): Fate {
  if (random.chance(script === 'sweep' ? Math.max(weather.refused, weather.sweepRefused) : weather.refused)) return 'REFUSED';
  if (random.chance(weather.lost)) return 'LOST';
  if (random.chance(weather.resent)) return 'RESENT';
  if (random.chance(weather.late)) return 'LATE';
  return random.chance(weather.slow) ? 'SLOW' : 'ANSWERED';
}
