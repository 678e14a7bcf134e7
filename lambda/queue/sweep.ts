import { keysOf, ownKeys } from './keys.ts';
import type { RedisClient } from './redis.ts';
import { composeScript, runScript } from './script.ts';
import source from './sweep.lua';

const script = composeScript(source);

/** Users swept in one script: about 1.5 ms of the server's time. */
export const SWEEP_USERS_MAX = 500;

export interface SweepOutcome {
  failed: number;
  left: number;
  dropped: string[];
}

/**
 * Writes FAILED for the next SWEEP_USERS_MAX users of the sold-out line.
 * @throws RedisUnavailable
 */
export async function sweep(redis: RedisClient, promotionId: string): Promise<SweepOutcome> {
  const reply = await runScript(redis, script, ownKeys(promotionId), [keysOf(promotionId).userStatusPrefix, SWEEP_USERS_MAX]);
  const [failed, left, dropped] = reply as [number, number, string[]];
  return { failed, left, dropped };
}
