import { isUserField, keysOf, userStatusKey } from './keys.ts';
import { readTogether, storedNumber } from './read.ts';
import { onRedis, type RedisClient } from './redis.ts';

/** Tickets whose users are held at once; a million winners with uuids were exported with 48 MB of heap. The promotion hash is gone through once for each so many. */
const WINDOW_TICKETS = 250_000;
/** Fields that one HSCAN, and statuses that one MGET reads: 0.7 ms of the server, during which a join waits. */
const CHUNK = 1000;
/** Ends a scan that never would: 2 billion fields, twice the users that there can be coupons for. */
const SCAN_CALLS_MAX = 2_000_000;

export interface Winner {
  ticket: number;
  userId: string;
}

/** How far a sale has come, at one instant. */
export interface SaleProgress {
  /** Tells a promotion from a later one of the same id. */
  createdAtMs: number;
  /** The highest ticket that has left the line: nobody behind it has won. */
  nowServing: number;
  completedCount: number;
  /** No coupon is on its way to anyone, and none will be unless there is a restock. */
  over: boolean;
}

/**
 * How far the sale of a promotion has come, or null if there is none of that id (never initialised, or being removed).
 * @throws RedisUnavailable
 */
export async function saleProgress(redis: RedisClient, promotionId: string): Promise<SaleProgress | null> {
  const keys = keysOf(promotionId);
  const [fields, stockText, processing] = (await readTogether(redis, [
    ['hmget', keys.promotion, '#state', '#initialStock', '#nowServing', '#createdAtMs'],
    ['get', keys.stock],
    ['scard', keys.processing],
  ])) as [(string | null)[], string | null, number];
  const [state, initialStock, nowServing, createdAtMs] = fields;
  if (state === null || state === 'REMOVING') return null;
  const stock = storedNumber(stockText, 'stock');
  return {
    createdAtMs: storedNumber(createdAtMs, 'createdAtMs'),
    nowServing: storedNumber(nowServing, 'nowServing'),
    completedCount: storedNumber(initialStock, 'initialStock') - stock,
    over: processing === 0 && (stock === 0 || state === 'CLOSED'),
  };
}

/**
 * The users whose coupon was issued, in the order of their tickets, in chunks: everyone who had won when `since` was read, and of those who were
 * in processing then, whoever has won by the time their status is read. Who was still in line is left out. Reads only, in small steps, and holds no more
 * than WINDOW_TICKETS users at once.
 *
 * The hash of tickets can be read in no order, so it is gone through once for each window of tickets. Winners come first in line, so that
 * mostly is once: it ends as soon as there are as many winners as coupons issued.
 * @throws RedisUnavailable
 */
export async function* winnersSince(
  redis: RedisClient,
  promotionId: string,
  since: SaleProgress,
  windowTickets: number = WINDOW_TICKETS,
): AsyncGenerator<Winner[], void, void> {
  let found = 0;
  let issued: number = since.completedCount;
  for (let first = 1; first <= since.nowServing; first += windowTickets) {
    const last = Math.min(since.nowServing, first + windowTickets - 1);
    const users = await usersByTicket(redis, promotionId, first, last);
    for (let from = 0; from < users.length; from += CHUNK) {
      // More may have been issued meanwhile, also to someone who is still to come.
      if (found >= issued) issued = (await saleProgress(redis, promotionId))?.completedCount ?? 0;
      if (found >= issued) return;
      const winners = await completedOf(redis, promotionId, first + from, users.slice(from, from + CHUNK));
      found += winners.length;
      if (winners.length > 0) yield winners;
    }
  }
}

/** The users with the tickets from `first` to `last`, each at the place of their ticket. A user who is scanned twice stands there once. */
async function usersByTicket(redis: RedisClient, promotionId: string, first: number, last: number): Promise<(string | undefined)[]> {
  const { promotion } = keysOf(promotionId);
  const users = Array.from<string | undefined>({ length: last - first + 1 });
  let cursor = '0';
  for (let calls = 0; calls < SCAN_CALLS_MAX; calls += 1) {
    const [next, entries] = await onRedis(redis, () => redis.hscan(promotion, cursor, 'COUNT', CHUNK));
    for (let i = 0; i < entries.length; i += 2) {
      const field = entries[i] ?? '';
      if (!isUserField(field)) continue;
      const ticket = storedNumber(entries[i + 1], 'a ticket');
      if (ticket >= first && ticket <= last) users[ticket - first] = field;
    }
    cursor = next;
    if (cursor === '0') return users;
  }
  throw new Error(`The users of promotion ${promotionId} did not come to an end.`);
}

async function completedOf(redis: RedisClient, promotionId: string, firstTicket: number, users: (string | undefined)[]): Promise<Winner[]> {
  const known = users.flatMap((userId, i) => (userId === undefined ? [] : [{ ticket: firstTicket + i, userId }]));
  if (known.length === 0) return [];
  const statuses = await onRedis(redis, () => redis.mget(known.map(({ userId }) => userStatusKey(promotionId, userId))));
  return known.filter((_, i) => statuses[i] === 'COMPLETED');
}
