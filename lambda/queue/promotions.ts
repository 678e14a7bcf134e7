import forgetSource from './forget-promotion.lua';
import { PROMOTIONS_KEY } from './keys.ts';
import { onRedis, type RedisClient } from './redis.ts';
import registerSource from './register-promotion.lua';
import { composeScript, runScript } from './script.ts';

const registerScript = composeScript(registerSource);
const forgetScript = composeScript(forgetSource);

/** Most promotions that the loop visits; far more than one loop could drain. */
export const PROMOTIONS_MAX = 100_000;
/** How long (ms) an entry outlives its promotion at least; far longer than any init-stock takes. */
export const FORGET_AFTER_MS = 86_400_000;

export interface RegisteredPromotion {
  promotionId: string;
  /** Server time (ms) of the last init-stock. */
  registeredAtMs: number;
}

/** Puts a promotion among those that the loop visits. */
export async function registerPromotion(redis: RedisClient, promotionId: string): Promise<void> {
  await runScript(redis, registerScript, [PROMOTIONS_KEY], [promotionId]);
}

/** The promotions that the loop visits, oldest first, at most PROMOTIONS_MAX. */
export async function listPromotions(redis: RedisClient): Promise<RegisteredPromotion[]> {
  const flat = await onRedis(redis, () => redis.zrange(PROMOTIONS_KEY, '0', String(PROMOTIONS_MAX - 1), 'WITHSCORES'));
  return Array.from({ length: flat.length / 2 }, (_, i) => ({ promotionId: flat[i * 2] ?? '', registeredAtMs: Number(flat[i * 2 + 1]) }));
}

/** Takes a promotion that no longer exists from the list, if its last init-stock is more than FORGET_AFTER_MS old; true if it did. */
export async function forgetPromotion(redis: RedisClient, promotionId: string): Promise<boolean> {
  return (await runScript(redis, forgetScript, [PROMOTIONS_KEY], [promotionId, FORGET_AFTER_MS])) === 1;
}
