import { readConfig } from './config.ts';
import { HttpError, idForAnswer, success } from './http/envelope.ts';
import { logOperation } from './http/operator-log.ts';
import { bodyRoute, withinDeadline } from './http/pipeline.ts';
import { controlRequest } from './http/requests.ts';
import { control, type ControlAction, type ControlOutcome } from './queue/control.ts';
import { redisClient } from './redis-client.ts';

interface Operations {
  control: (promotionId: string, action: ControlAction) => Promise<ControlOutcome>;
}

/** POST /api/coupon/queue/control: restock, pause, resume, close or remove a promotion. */
export const createHandler = (queue: Operations) =>
  bodyRoute(controlRequest).handler(async (event) => {
    const { promotionId, ...action } = event.request;
    const outcome = await withinDeadline(queue.control(promotionId, action));
    logOperation(event, { promotionId, asked: action, outcome: outcome.kind });
    switch (outcome.kind) {
      case 'APPLIED':
        return success(`프로모션 ${promotionId}에 적용되었습니다.`, { promotionId: idForAnswer(promotionId), ...outcome.info });
      case 'NOT_FOUND':
        throw new HttpError('PROMOTION_NOT_FOUND');
      case 'CLOSED':
        throw new HttpError('PROMOTION_CLOSED');
      case 'NOT_CLOSED':
        throw new HttpError('PROMOTION_NOT_CLOSED');
    }
  });

const config = readConfig('control');
const redis = redisClient(config);
export const handler = createHandler({ control: (promotionId, action) => control(redis, promotionId, action) });
