import { readConfig } from './config.ts';
import { HttpError, idForAnswer, success } from './http/envelope.ts';
import { logOperation } from './http/operator-log.ts';
import { bodyRoute, withinDeadline } from './http/pipeline.ts';
import { initStockRequest } from './http/requests.ts';
import { initStock, type InitStockOutcome } from './queue/init-stock.ts';
import { redisClient } from './redis-client.ts';

interface Operations {
  initStock: (promotionId: string, stock: number) => Promise<InitStockOutcome>;
}

/** POST /api/coupon/queue/init-stock: creates a promotion, or sets its stock again while nobody has joined. */
export const createHandler = (queue: Operations) =>
  bodyRoute(initStockRequest).handler(async (event) => {
    const { promotionId, stock } = event.request;
    const outcome = await withinDeadline(queue.initStock(promotionId, stock));
    logOperation(event, { promotionId, asked: { action: 'init-stock', stock }, outcome: outcome.kind });
    switch (outcome.kind) {
      case 'SET':
      case 'UNCHANGED':
        return success(`프로모션 ${promotionId}의 재고가 ${outcome.initialStock}개로 초기화되었습니다.`, {
          promotionId: idForAnswer(promotionId),
          stock: outcome.initialStock,
        });
      case 'IN_PROGRESS':
        throw new HttpError('PROMOTION_IN_PROGRESS');
      case 'CLOSED':
        throw new HttpError('PROMOTION_CLOSED');
      case 'BEING_REMOVED':
        throw new HttpError('PROMOTION_BEING_REMOVED');
    }
  });

const config = readConfig('init-stock');
const redis = redisClient(config);
export const handler = createHandler({ initStock: (promotionId, stock) => initStock(redis, promotionId, stock) });
