import { readConfig } from './config.ts';
import { HttpError, idForAnswer, success } from './http/envelope.ts';
import { queryRoute, withinDeadline } from './http/pipeline.ts';
import { infoRequest } from './http/requests.ts';
import { info, type PromotionInfo } from './queue/info.ts';
import { redisClient } from './redis-client.ts';

interface Operations {
  info: (promotionId: string) => Promise<PromotionInfo | null>;
}

/** GET /api/coupon/queue/info: the numbers of a promotion. */
export const createHandler = (queue: Operations) =>
  queryRoute(infoRequest).handler(async ({ request: { promotionId } }) => {
    const found = await withinDeadline(queue.info(promotionId));
    if (!found) throw new HttpError('PROMOTION_NOT_FOUND');
    return success('큐 정보 조회 성공', { promotionId: idForAnswer(promotionId), ...found });
  });

const config = readConfig('info');
const redis = redisClient(config);
export const handler = createHandler({ info: (promotionId) => info(redis, promotionId) });
