import { keysOf, ownKeys } from './keys.ts';
import source from './issue.lua';
import type { RedisClient } from './redis.ts';
import { composeScript, runScript } from './script.ts';

const script = composeScript(source);

export interface IssueOutcome {
  /** How many got their coupon. */
  completed: number;
  /** How many were left without one; a unit is reserved for everyone admitted, so nobody should ever be here. */
  failed: number;
  /** In processing although their status was final: let go without a coupon; nobody should ever be here. */
  released: string[];
  /** The last coupon was among them: once per sale, and once more after each restock. */
  soldOut: boolean;
}

/**
 * Issues a coupon to each of these users who is still in processing, while the stock lasts. Users who are not are left alone,
 * so the same users may come twice, late and in any order.
 * @throws RedisUnavailable
 */
export async function issue(redis: RedisClient, promotionId: string, userIds: string[]): Promise<IssueOutcome> {
  if (userIds.length === 0) return { completed: 0, failed: 0, released: [], soldOut: false };
  const reply = await runScript(redis, script, ownKeys(promotionId), [keysOf(promotionId).userStatusPrefix, ...userIds]);
  const [completed, failed, released, soldOut] = reply as [number, number, string[], 0 | 1];
  return { completed, failed, released, soldOut: soldOut === 1 };
}
