import { keysOf, ownKeys } from './keys.ts';
import type { RedisClient } from './redis.ts';
import source from './retire.lua';
import { composeScript, runScript, UnexpectedReply } from './script.ts';

const script = composeScript(source);

/** Users deleted in one script. */
export const RETIRE_USERS_MAX = 500;

export type RetireOutcome = { kind: 'RETIRED'; users: number; left: number } | { kind: 'NOT_REMOVING' | 'BUSY' | 'GONE' };

/**
 * Deletes the next RETIRE_USERS_MAX users of a promotion that is being removed, and after the last of them its own keys.
 * BUSY as long as someone is in line or in processing.
 * @throws RedisUnavailable
 */
export async function retire(redis: RedisClient, promotionId: string): Promise<RetireOutcome> {
  const reply = await runScript(redis, script, ownKeys(promotionId), [keysOf(promotionId).userStatusPrefix, RETIRE_USERS_MAX]);
  const [kind, users, left] = reply as [string, number, number];
  switch (kind) {
    case 'RETIRED':
      return { kind, users, left };
    case 'NOT_REMOVING':
    case 'BUSY':
    case 'GONE':
      return { kind };
    default:
      throw new UnexpectedReply('retire', reply);
  }
}
