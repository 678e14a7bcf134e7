import { setTimeout as pause } from 'node:timers/promises';
import { info } from '../lambda/queue/info.ts';
import type { RedisClient } from '../lambda/queue/redis.ts';

const LOOK_MS = 2;
const SALE_TIMEOUT_MS = 60_000;

/** When (ms, performance.now) a sale of several promotions came how far. Between two looks it may have been earlier or later: each stands where the sale takes longest. */
export interface SaleTimes {
  /** The last moment at which nobody had been admitted. */
  beganAt: number;
  /** The first moments at which everybody had been admitted, and issued. */
  admittedAt: number;
  issuedAt: number;
}

/**
 * Watches a sale of promotions whose whole lines win, from before its begin to its end.
 * @throws Error if it takes longer than a minute
 */
export async function watchSale(redis: RedisClient, promotionIds: readonly string[], users: number, signal: AbortSignal): Promise<SaleTimes> {
  let beganAt = performance.now();
  let began = false;
  let admittedAt = Number.NaN;
  for (const startedAt = beganAt; performance.now() - startedAt < SALE_TIMEOUT_MS; ) {
    signal.throwIfAborted();
    const askedAt = performance.now();
    const infos = await Promise.all(promotionIds.map((id) => info(redis, id)));
    const answeredAt = performance.now();
    const waiting = infos.reduce((sum, seen) => sum + (seen?.queueSize ?? 0), 0);
    const issued = infos.reduce((sum, seen) => sum + (seen?.completedCount ?? 0), 0);
    began ||= waiting < users;
    if (!began) beganAt = askedAt;
    if (waiting === 0 && Number.isNaN(admittedAt)) admittedAt = answeredAt;
    if (issued === users) return { beganAt, admittedAt, issuedAt: answeredAt };
    await pause(LOOK_MS);
  }
  throw new Error(`The sale was not over after ${SALE_TIMEOUT_MS / 1000} s: look at whether the loop and the issuer run.`);
}
