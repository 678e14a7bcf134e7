import { keysOf, userStatusKey } from './keys.ts';
import { type ReadCommand, readInTurn, readTogether, storedNumber } from './read.ts';
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
      // The line may have been read after it had moved on.
      return position > 0 && state !== 'CLOSED' ? { kind: 'WAITING', position, totalWaiting: Math.max(totalWaiting, position) } : { kind: 'FAILED' };
    }
    default:
      throw new UnexpectedReply('status', written);
  }
}

/**
 * Where a user stands, by the same few reads at any depth of the line. They are read in turn; only an answer that another order of
 * events could have made is read again at one instant. A loss that the promotion tells and the status does not is one: who was
 * admitted between the two reads would seem to have lost. That there is nobody is another: while a slot moves, keys may seem to be missing.
 * Everything else is right in this order: a status never goes back, and now serving never falls.
 * @throws RedisUnavailable
 */
export async function status(redis: RedisClient, promotionId: string, userId: string): Promise<UserStatus> {
  const keys = keysOf(promotionId);
  const reads: [ReadCommand, ...ReadCommand[]] = [
    ['hmget', keys.promotion, '#state', '#nowServing', userId],
    ['get', userStatusKey(promotionId, userId)],
    ['llen', keys.waitingQueue],
  ];
  const stored = storedOf(await readInTurn(redis, reads));
  const found = deriveStatus(stored);
  if (found.kind === 'WAITING' || found.kind === stored.written) return found;
  return deriveStatus(storedOf(await readTogether(redis, reads)));
}

function storedOf(replies: unknown[]): Stored {
  const [promotion, written, totalWaiting] = replies as [[string | null, string | null, string | null], string | null, number];
  const [state, nowServing, ticket] = promotion;
  return { state, nowServing, written, ticket, totalWaiting };
}
