import { PROMOTIONS_KEY } from '../lambda/queue/keys.ts';
import type { RedisClient } from '../lambda/queue/redis.ts';

/**
 * Every key and what it holds, to show that something wrote nothing; but for what the loop moves by itself (heartbeats, drain
 * times) and when promotions were last registered.
 */
export async function everything(redis: RedisClient): Promise<Record<string, string | null>> {
  const held: Record<string, string | null> = {};
  for (const key of (await redis.keys('*')).toSorted()) {
    if (key.startsWith('coupon:drain_run:')) continue;
    if (key === PROMOTIONS_KEY) {
      held[key] = (await redis.zrange(key, '0', '-1')).join(' ');
      continue;
    }
    if (key.startsWith('coupon:promotion:')) {
      const { '#nextDrainAtMs': _, ...fields } = await redis.hgetall(key);
      held[key] = JSON.stringify(Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1)));
      continue;
    }
    held[key] = (await redis.dumpBuffer(key))?.toString('base64') ?? null;
  }
  return held;
}
