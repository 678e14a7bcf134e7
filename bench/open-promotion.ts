import type { CouponApi } from './coupon-api.ts';

/**
 * Sets the stock of a promotion that nobody has joined.
 * @throws Error with a sentence if someone has, if it is not open, or if the system does not take the stock
 */
export async function openPromotion(operator: CouponApi, promotionId: string, stock: number): Promise<void> {
  const before = await operator.info(promotionId);
  if (before.kind === 'INFO') {
    const { queueSize, processingCount, completedCount, failedCount, state } = before;
    const users = queueSize + processingCount + completedCount + failedCount;
    const hint = 'leave --promotion out, or name one that is new';
    if (users > 0) throw new Error(`Promotion ${promotionId} has ${users} users already, whom an audit would take for this crowd: ${hint}.`);
    if (state !== 'OPEN') throw new Error(`Promotion ${promotionId} is ${state}, so nobody would be served: ${hint}.`);
  }
  const answer = await operator.initStock(promotionId, stock);
  if (answer.kind === 'SET' && answer.stock === stock) return;
  const reason = answer.kind === 'SET' ? `answered a stock of ${answer.stock}` : answer.reason;
  throw new Error(`Promotion ${promotionId} could not be opened with a stock of ${stock} (init-stock ${reason}): choose another --promotion, or try again.`);
}
