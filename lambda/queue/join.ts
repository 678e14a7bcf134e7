import { joinKeys } from './keys.ts';
import source from './join.lua';
import type { RedisClient } from './redis.ts';
import { composeScript, runScript, UnexpectedReply } from './script.ts';

const script = composeScript(source);

export type JoinOutcome =
  | { kind: 'WAITING'; position: number }
  | { kind: 'PROCESSING' | 'COMPLETED' | 'FAILED' }
  | { kind: 'NOT_FOUND' | 'CLOSED' | 'SOLD_OUT' };

/**
 * Joins a user to the line of a promotion. Idempotent: whoever stands in line keeps the place.
 * @throws RedisUnavailable
 */
export async function join(redis: RedisClient, promotionId: string, userId: string): Promise<JoinOutcome> {
  const reply = await runScript(redis, script, joinKeys(promotionId, userId), [userId]);
  if (typeof reply === 'number' && reply > 0) return { kind: 'WAITING', position: reply };
  switch (reply) {
    case 'PROCESSING':
    case 'COMPLETED':
    case 'FAILED':
    case 'NOT_FOUND':
    case 'CLOSED':
    case 'SOLD_OUT':
      return { kind: reply };
    default:
      throw new UnexpectedReply('join', reply);
  }
}
