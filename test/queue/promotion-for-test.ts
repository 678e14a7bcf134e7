import { afterAll, expect, inject } from 'vitest';
import { drain, type DrainOutcome, type Pace } from '../../lambda/queue/drain.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { isUserField, keysOf, ownKeys } from '../../lambda/queue/keys.ts';
import { connectRedis, type RedisClient } from '../../lambda/queue/redis.ts';
import { saleProgress, type Winner, winnersSince } from '../../lambda/queue/winners.ts';
import { brokenPromises, snapshot } from '../invariants.ts';
import { uniquePromotionId } from '../redis-for-tests.ts';

/** A client as the functions make it, to the run's Redis; closed after the file's tests. */
export function redisForFile(): RedisClient {
  const redis = connectRedis({ url: inject('redisUrl'), mode: 'cluster' });
  afterAll(() => redis.disconnect());
  return redis;
}

export const pace: Pace = { batchSize: 100, drainIntervalMs: 1000, leaseMs: 60_000, maxInFlight: 1000 };

/** u1, u2 … */
export const users = (count: number, from = 1) => Array.from({ length: count }, (_, i) => `u${from + i}`);

/** A new promotion with this stock and these users in line. */
export async function promotionWith(redis: RedisClient, stock: number, inLine: string[] = []): Promise<string> {
  const promotionId = uniquePromotionId();
  await initStock(redis, promotionId, stock);
  for (const user of inLine) await join(redis, promotionId, user);
  return promotionId;
}

/** Drains as if the interval had passed. */
export async function drainNow(redis: RedisClient, promotionId: string, change: Partial<Pace> = {}): Promise<Extract<DrainOutcome, { kind: 'DRAINED' }>> {
  await redis.hset(keysOf(promotionId).promotion, '#nextDrainAtMs', '0');
  const outcome = await drain(redis, promotionId, { ...pace, ...change });
  if (outcome.kind !== 'DRAINED') throw new Error(`drain answered ${outcome.kind}`);
  return outcome;
}

/** Fails with a sentence for each promise that does not hold now. */
export async function expectPromisesKept(redis: RedisClient, promotionId: string): Promise<void> {
  expect(brokenPromises(await snapshot(redis, promotionId))).toEqual([]);
}

/** Everything that Redis holds under the promotion's tag, to show that something wrote nothing. */
export async function dump(redis: RedisClient, promotionId: string): Promise<Record<string, unknown>> {
  const k = keysOf(promotionId);
  const held: Record<string, unknown> = {};
  for (const key of ownKeys(promotionId)) {
    held[key] = (await redis.dumpBuffer(key))?.toString('base64') ?? null;
  }
  const fields = await redis.hkeys(k.promotion).catch(() => []);
  for (const user of fields.filter(isUserField)) held[user] = await redis.get(k.userStatusPrefix + user).catch(() => 'another type');
  return held;
}

/** Everyone who has won, in the order in which they are exported. */
export async function winnersOf(redis: RedisClient, promotionId: string, windowTickets?: number): Promise<Winner[]> {
  const since = await saleProgress(redis, promotionId);
  const winners: Winner[] = [];
  if (since) for await (const chunk of winnersSince(redis, promotionId, since, windowTickets)) winners.push(...chunk);
  return winners;
}
