import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { isUserField, keysOf } from '../lambda/queue/keys.ts';
import { connectRedis, type RedisClient } from '../lambda/queue/redis.ts';
import type { RedisFacts } from './facts.ts';

const TIMEOUT_MS = 3_000;
/** Entries that one command reads: a few ms of the server's time. */
const CHUNK = 1000;
/** More than the largest crowd; a line that is longer is broken enough. */
const ENTRIES_MAX = 2_000_000;
const POLL_INTERVAL_MS = 100;

/**
 * Connects to the Redis of a running system, in cluster mode or not, as it says itself.
 * @returns undefined if that Redis does not hold the promotion, and so is another system's
 * @throws what ioredis throws if nobody answers there
 */
export async function reachRedis(url: string, promotionId: string): Promise<RedisClient | undefined> {
  const mode = await modeOf(url);
  const redis = connectRedis({ url, mode });
  let holdsIt = false;
  try {
    await redis.connect();
    holdsIt = (await redis.exists(keysOf(promotionId).promotion)) === 1;
    return holdsIt ? redis : undefined;
  } finally {
    if (!holdsIt) redis.disconnect();
  }
}

async function modeOf(url: string): Promise<'cluster' | 'single'> {
  const redis = new Redis(url, { lazyConnect: true, connectTimeout: TIMEOUT_MS, commandTimeout: TIMEOUT_MS, retryStrategy: () => null });
  // What fails the connection fails the call, which says it better.
  let fault: unknown;
  redis.on('error', (error) => (fault = error));
  try {
    await redis.connect();
    return /^cluster_enabled:1/m.test(await redis.info('cluster')) ? 'cluster' : 'single';
  } catch (error) {
    throw fault ?? error;
  } finally {
    redis.disconnect();
  }
}

/** Waits until nobody is in line, being swept or in processing any more, at most so many ms; then goes on in any case. */
export async function settle(redis: RedisClient, promotionId: string, timeoutMs: number): Promise<void> {
  const keys = keysOf(promotionId);
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    const [line, soldOutLine, processing] = await Promise.all([
      redis.llen(keys.waitingQueue),
      redis.llen(keys.soldOutQueue),
      redis.scard(keys.processing),
    ]);
    if (line + soldOutLine + processing === 0) return;
    await pause(POLL_INTERVAL_MS);
  }
}

/** Reads, in chunks, everything that Redis holds of a promotion at rest, and the statuses of these users besides. */
export async function readRedisFacts(redis: RedisClient, promotionId: string, userIds: Iterable<string>): Promise<RedisFacts> {
  const keys = keysOf(promotionId);
  const tickets = await readTickets(redis, keys.promotion);
  const everyone = [...new Set([...tickets.keys(), ...userIds])];
  const statuses = new Map<string, string | null>();
  for (let from = 0; from < everyone.length; from += CHUNK) {
    const users = everyone.slice(from, from + CHUNK);
    const replies = await redis.mget(users.map((user) => keys.userStatusPrefix + user));
    for (const [i, user] of users.entries()) statuses.set(user, replies[i] ?? null);
  }
  const [stock, initialStock] = await Promise.all([redis.get(keys.stock), redis.hget(keys.promotion, '#initialStock')]);
  return {
    stock: Number(stock),
    initialStock: Number(initialStock),
    line: await inChunks((from, to) => redis.lrange(keys.waitingQueue, from, to)),
    soldOutLine: await inChunks((from, to) => redis.lrange(keys.soldOutQueue, from, to)),
    processing: await redis.smembers(keys.processing),
    leases: await inChunks((from, to) => redis.zrange(keys.lease, String(from), String(to))),
    tickets,
    statuses,
  };
}

async function readTickets(redis: RedisClient, key: string): Promise<Map<string, number>> {
  const tickets = new Map<string, number>();
  let cursor = '0';
  do {
    const [next, entries] = await redis.hscan(key, cursor, 'COUNT', CHUNK);
    for (let i = 0; i < entries.length; i += 2) {
      const field = String(entries[i]);
      if (isUserField(field)) tickets.set(field, Number(entries[i + 1]));
    }
    cursor = next;
  } while (cursor !== '0');
  return tickets;
}

async function inChunks(read: (from: number, to: number) => Promise<string[]>): Promise<string[]> {
  const all: string[] = [];
  while (all.length < ENTRIES_MAX) {
    const chunk = await read(all.length, all.length + CHUNK - 1);
    all.push(...chunk);
    if (chunk.length < CHUNK) break;
  }
  return all;
}
