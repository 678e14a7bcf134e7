import { keysOf, PROMOTION_FIELDS } from './keys.ts';
import { readTogether, storedNumber } from './read.ts';
import type { RedisClient } from './redis.ts';
import { UnexpectedReply } from './script.ts';

export type PromotionState = 'OPEN' | 'PAUSED' | 'CLOSED';

export interface PromotionInfo {
  currentStock: number;
  /** Users in line who can still win. */
  queueSize: number;
  processingCount: number;
  /** Restocks included. */
  initialStock: number;
  completedCount: number;
  /** Everyone who joined and neither won, nor is in processing, nor in line: a line that is being swept counts here. */
  failedCount: number;
  state: PromotionState;
}

/** Derives the counts, of which none is kept. A closed promotion's line has failed, whether it is swept already or not. */
export function promotionInfo(currentStock: number, waiting: number, processingCount: number, initialStock: number, tickets: number, state: string): PromotionInfo {
  if (state !== 'OPEN' && state !== 'PAUSED' && state !== 'CLOSED') throw new UnexpectedReply('info', state);
  const queueSize = state === 'CLOSED' ? 0 : waiting;
  const completedCount = initialStock - currentStock;
  const failedCount = tickets - completedCount - processingCount - queueSize;
  return { currentStock, queueSize, processingCount, initialStock, completedCount, failedCount, state };
}

/**
 * The numbers of a promotion, or null if there is none of that id (never initialised, or being removed).
 * @throws RedisUnavailable
 */
export async function info(redis: RedisClient, promotionId: string): Promise<PromotionInfo | null> {
  const keys = keysOf(promotionId);
  const [promotion, stock, waiting, processing, fields] = (await readTogether(redis, [
    ['hmget', keys.promotion, '#state', '#initialStock'],
    ['get', keys.stock],
    ['llen', keys.waitingQueue],
    ['scard', keys.processing],
    ['hlen', keys.promotion],
  ])) as [[string | null, string | null], string | null, number, number, number];
  const [state, initialStock] = promotion;
  if (state === null || state === 'REMOVING') return null;
  return promotionInfo(storedNumber(stock, 'stock'), waiting, processing, storedNumber(initialStock, 'initialStock'), fields - PROMOTION_FIELDS.length, state);
}
