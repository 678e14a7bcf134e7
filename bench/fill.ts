import type { Redis } from 'ioredis';
import { keysOf, userStatusKey } from '../lambda/queue/keys.ts';

/** Users written by one set of commands. */
const FILL_USERS_MAX = 1000;

/** A waiting line that is made at once instead of by joins. */
export interface Line {
  promotionId: string;
  users: number;
  /** The id of the user with this index, from 0. */
  idOf: (index: number) => string;
  /** Called now and then with the users that stand in line so far. */
  progress?: (done: number) => void;
  signal?: AbortSignal;
}

/**
 * Puts users in the line of a promotion that nobody has joined yet, with what as many joins would have written (a test holds
 * the two against each other), in a quarter of their time.
 */
export async function fillLine(redis: Redis, { promotionId, users, idOf, progress, signal }: Line): Promise<void> {
  const keys = keysOf(promotionId);
  let sent: Promise<unknown> = Promise.resolve();
  for (let first = 0; first < users; first += FILL_USERS_MAX) {
    signal?.throwIfAborted();
    const ids = Array.from({ length: Math.min(FILL_USERS_MAX, users - first) }, (_, i) => idOf(first + i));
    const pipeline = redis
      .pipeline()
      .rpush(keys.waitingQueue, ...ids)
      .hset(keys.promotion, ...ids.flatMap((id, i) => [id, String(first + i + 1)]))
      .mset(...ids.flatMap((id) => [userStatusKey(promotionId, id), 'WAITING']));
    // The next commands are put together while the server works on these.
    await sent;
    sent = checked(pipeline.exec());
    progress?.(first);
  }
  await sent;
}

async function checked(replies: Promise<[Error | null, unknown][] | null>): Promise<void> {
  for (const [error] of (await replies) ?? []) if (error) throw error;
}
