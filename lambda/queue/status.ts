import { keysOf, userStatusKey } from './keys.ts';
import { readTogether, storedNumber } from './read.ts';
import type { RedisClient } from './redis.ts';
import { UnexpectedReply } from './script.ts';

export type UserStatus =
  | { kind: 'WAITING'; position: number; totalWaiting: number }
  | { kind: 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'NOT_IN_QUEUE' };

/** What Redis holds that decides where a user stands, as it is stored. */
interface Stored {
  state: string | null;
  nowServing: string | null;
  written: string | null;
  ticket: string | null;
  totalWaiting: number;
}

/**
 * Derives where a user stands. Position = ticket - now serving; a user who is WAITING at position 0 or less, or in a closed
 * promotion, has lost and is FAILED, also before the sweep has written it.
 * @throws Error if what is stored is nothing that a script writes
 */
export function deriveStatus({ state, nowServing, written, ticket, totalWaiting }: Stored): UserStatus {
  if (state === null || state === 'REMOVING' || (written === null && ticket === null)) return { kind: 'NOT_IN_QUEUE' };
  switch (written) {
    case 'PROCESSING':
    case 'COMPLETED':
    case 'FAILED':
      return { kind: written };
    case 'WAITING':
    case null: {
      const position = ticket === null ? 0 : storedNumber(ticket, 'ticket') - storedNumber(nowServing, 'nowServing');
      return position > 0 && state !== 'CLOSED' ? { kind: 'WAITING', position, totalWaiting } : { kind: 'FAILED' };
    }
    default:
      throw new UnexpectedReply('status', written);
  }
}

/**
 * Where a user stands, by the same few reads at any depth of the line.
 * @throws RedisUnavailable
 */
export async function status(redis: RedisClient, promotionId: string, userId: string): Promise<UserStatus> {
  const keys = keysOf(promotionId);
  const [promotion, written, totalWaiting] = (await readTogether(redis, [
    ['hmget', keys.promotion, '#state', '#nowServing', userId],
    ['get', userStatusKey(promotionId, userId)],
    ['llen', keys.waitingQueue],
  ])) as [[string | null, string | null, string | null], string | null, number];
  const [state, nowServing, ticket] = promotion;
  return deriveStatus({ state, nowServing, written, ticket, totalWaiting });
}
