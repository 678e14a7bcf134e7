import { readConfig } from './config.ts';
import { HttpError, success } from './http/envelope.ts';
import { bodyRoute, withinDeadline } from './http/pipeline.ts';
import { joinRequest } from './http/requests.ts';
import type { UserFrom } from './http/token-user.ts';
import { join, type JoinOutcome } from './queue/join.ts';
import { redisClient } from './redis-client.ts';

interface Operations {
  join: (promotionId: string, userId: string) => Promise<JoinOutcome>;
}

const messages = {
  PROCESSING: '이미 쿠폰 발급을 처리 중입니다.',
  COMPLETED: '이미 쿠폰을 발급받으셨습니다.',
  FAILED: '쿠폰 발급에 실패했습니다.',
};

/** POST /api/coupon/queue/join: a place in line for a newcomer, the present state for anyone known. */
export const createHandler = (queue: Operations, userFrom: UserFrom) =>
  bodyRoute(joinRequest, userFrom).handler(async ({ request: { promotionId, userId } }) => {
    const outcome = await withinDeadline(queue.join(promotionId, userId));
    switch (outcome.kind) {
      case 'WAITING':
        return success(`대기열 ${outcome.position}번으로 등록되었습니다.`, { position: outcome.position, status: outcome.kind });
      case 'PROCESSING':
      case 'COMPLETED':
      case 'FAILED':
        return success(messages[outcome.kind], { position: 0, status: outcome.kind });
      case 'NOT_FOUND':
        throw new HttpError('PROMOTION_NOT_FOUND');
      case 'CLOSED':
        throw new HttpError('PROMOTION_CLOSED');
      case 'SOLD_OUT':
        throw new HttpError('SOLD_OUT');
    }
  });

const config = readConfig('join');
const redis = redisClient(config);
export const handler = createHandler({ join: (promotionId, userId) => join(redis, promotionId, userId) }, config.USER_FROM);
