import { ownKeys } from './keys.ts';
import source from './init-stock.lua';
import { registerPromotion } from './promotions.ts';
import type { RedisClient } from './redis.ts';
import { composeScript, runScript, UnexpectedReply } from './script.ts';

const script = composeScript(source);

export type InitStockOutcome =
  | { kind: 'SET' | 'UNCHANGED'; initialStock: number }
  | { kind: 'IN_PROGRESS' | 'CLOSED' | 'BEING_REMOVED' };

/**
 * Creates a promotion with this stock, or sets its stock again while nobody has joined. It is registered with the loop first:
 * an entry too many costs the loop microseconds, one too few would be a promotion that nobody drains.
 * @throws RedisUnavailable
 */
export async function initStock(redis: RedisClient, promotionId: string, stock: number): Promise<InitStockOutcome> {
  await registerPromotion(redis, promotionId);
  const reply = await runScript(redis, script, ownKeys(promotionId), [stock]);
  const [kind, initialStock] = reply as [string, number];
  switch (kind) {
    case 'SET':
    case 'UNCHANGED':
      return { kind, initialStock };
    case 'IN_PROGRESS':
    case 'CLOSED':
    case 'BEING_REMOVED':
      return { kind };
    default:
      throw new UnexpectedReply('init-stock', reply);
  }
}
