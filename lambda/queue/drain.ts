import { keysOf, ownKeys } from './keys.ts';
import source from './drain.lua';
import { onRedis, type RedisClient } from './redis.ts';
import { composeScript, runScript, UnexpectedReply } from './script.ts';

const script = composeScript(source);

export interface Pace {
  /** Most users admitted in one drain. */
  batchSize: number;
  /** Least time between two drains of a promotion (ms). */
  drainIntervalMs: number;
  /** Time after which an issue message counts as lost (ms). */
  leaseMs: number;
  /** Most users in processing at once; when the issuer is down, admission stops here by itself. */
  maxInFlight: number;
}

export type DrainOutcome =
  | { kind: 'NOT_FOUND' }
  /** The wait is exact to a µs, and counts from when the script looked at the clock: a full batch takes it some ms after that. */
  | { kind: 'NOT_DUE'; waitMs: number }
  | {
      kind: 'DRAINED';
      waitMs: number;
      state: string;
      /** Nobody is in line, in processing or to be swept. */
      resting: boolean;
      /** Users in the sold-out line, still to be swept. */
      soldOutLine: number;
      /** Newly in processing: send them to the issuer. */
      admitted: string[];
      /** In processing with a lapsed lease: send them again. */
      resent: string[];
      /** Taken from the line although they were no longer waiting; nobody should ever be here. */
      dropped: string[];
      /** The highest ticket that has left the line, the last of those admitted; 0 if nobody is there at all. */
      nowServing: number;
    };

/**
 * Drains one promotion if it is due: see drain.lua.
 * @throws RedisUnavailable
 */
export async function drain(redis: RedisClient, promotionId: string, pace: Pace): Promise<DrainOutcome> {
  const { batchSize, drainIntervalMs, leaseMs, maxInFlight } = pace;
  const args = [keysOf(promotionId).userStatusPrefix, batchSize, drainIntervalMs, leaseMs, maxInFlight];
  const reply = await runScript(redis, script, ownKeys(promotionId), args);
  if (reply === 'NOT_FOUND') return { kind: reply };
  if (typeof reply === 'number' && reply > 0) return { kind: 'NOT_DUE', waitMs: reply / 1000 };
  if (!Array.isArray(reply)) throw new UnexpectedReply('drain', reply);
  const [waitMicros, state, soldOutLine, admitted, resent = [], dropped = [], nowServing = 0] = reply as [number, string, number, string[]?, string[]?, string[]?, number?];
  return { kind: 'DRAINED', waitMs: waitMicros / 1000, state, resting: admitted === undefined, soldOutLine, admitted: admitted ?? [], resent, dropped, nowServing };
}

/**
 * Whether nobody is in line, in processing or to be swept, so that a drain would do nothing. A plain read, at a third of what the script costs.
 * @throws RedisUnavailable
 */
export async function isResting(redis: RedisClient, promotionId: string): Promise<boolean> {
  const { waitingQueue, processing, lease, soldOutQueue } = keysOf(promotionId);
  return (await onRedis(redis, () => redis.exists(waitingQueue, processing, lease, soldOutQueue))) === 0;
}
