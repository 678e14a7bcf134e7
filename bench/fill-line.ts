import type { Redis } from 'ioredis';
import { initStock } from '../lambda/queue/init-stock.ts';
import { join } from '../lambda/queue/join.ts';
import { batched, userId } from './batches.ts';
import { gather } from './gathered-client.ts';

/** Opens a promotion with a coupon for each of so many users, and lets them join. */
export async function fillLine(redis: Redis, promotionId: string, users: number): Promise<void> {
  await initStock(redis, promotionId, users);
  const { client, flush } = gather(redis);
  await batched(users, (index) => join(client, promotionId, userId(index, 0)), flush);
}
