import { readConfig } from './config.ts';
import { success } from './http/envelope.ts';
import { queryRoute, withinDeadline } from './http/pipeline.ts';
import { statusRequest } from './http/requests.ts';
import type { UserFrom } from './http/token-user.ts';
import { status, type UserStatus } from './queue/status.ts';
import { redisClient } from './redis-client.ts';

interface Operations {
  status: (promotionId: string, userId: string) => Promise<UserStatus>;
}

/** How fast the line moves: at most batchSize users each drainIntervalMs. */
interface Pace {
  batchSize: number;
  drainIntervalMs: number;
}

const messages = {
  PROCESSING: '쿠폰 발급 처리 중입니다.',
  COMPLETED: '쿠폰 발급이 완료되었습니다.',
  FAILED: '쿠폰 재고가 소진되었습니다.',
  NOT_IN_QUEUE: '대기열에 등록되지 않았습니다.',
};

/** Seconds until a user at this position is admitted, if every batch is full; rounded up. */
const estimateWaitSeconds = (position: number, { batchSize, drainIntervalMs }: Pace) =>
  Math.ceil((Math.ceil(position / batchSize) * drainIntervalMs) / 1000);

/** GET /api/coupon/queue/status: where a user stands. */
export const createHandler = (queue: Operations, pace: Pace, userFrom: UserFrom) =>
  queryRoute(statusRequest, userFrom).handler(async ({ request: { promotionId, userId } }) => {
    const found = await withinDeadline(queue.status(promotionId, userId));
    if (found.kind !== 'WAITING') {
      const data = { status: found.kind, position: 0, totalWaiting: 0, estimatedWaitSeconds: 0, message: messages[found.kind] };
      return success('상태 조회 성공', data);
    }
    const { position, totalWaiting } = found;
    const estimatedWaitSeconds = estimateWaitSeconds(position, pace);
    const message = `대기 순번: ${position}번, 예상 대기시간: 약 ${estimatedWaitSeconds}초`;
    return success('상태 조회 성공', { status: found.kind, position, totalWaiting, estimatedWaitSeconds, message });
  });

const config = readConfig('status');
const redis = redisClient(config);
export const handler = createHandler(
  { status: (promotionId, userId) => status(redis, promotionId, userId) },
  { batchSize: config.BATCH_SIZE, drainIntervalMs: config.DRAIN_INTERVAL_MS },
  config.USER_FROM,
);
