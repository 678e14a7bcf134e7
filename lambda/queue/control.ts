import source from './control.lua';
import { promotionInfo, type PromotionInfo } from './info.ts';
import { ownKeys } from './keys.ts';
import type { RedisClient } from './redis.ts';
import { composeScript, runScript, UnexpectedReply } from './script.ts';

const script = composeScript(source);

export type ControlAction =
  | { action: 'restock'; quantity: number; requestId: string }
  | { action: 'pause' | 'resume' | 'close' | 'remove' };

export type ControlOutcome = { kind: 'APPLIED'; info: PromotionInfo } | { kind: 'NOT_FOUND' | 'CLOSED' | 'NOT_CLOSED' };

/**
 * Applies an operator's action; one that holds already changes nothing. The info is the promotion's right after it (of a
 * promotion that was just removed: its last).
 * @throws RedisUnavailable
 */
export async function control(redis: RedisClient, promotionId: string, request: ControlAction): Promise<ControlOutcome> {
  const args = request.action === 'restock' ? [request.action, request.quantity, request.requestId] : [request.action];
  const reply = await runScript(redis, script, ownKeys(promotionId), args);
  const [kind, stock, waiting, processing, initialStock, tickets, state] = reply as [string, number, number, number, number, number, string];
  switch (kind) {
    case 'APPLIED':
      return { kind, info: promotionInfo(stock, waiting, processing, initialStock, tickets, state) };
    case 'NOT_FOUND':
    case 'CLOSED':
    case 'NOT_CLOSED':
      return { kind };
    default:
      throw new UnexpectedReply('control', reply);
  }
}
