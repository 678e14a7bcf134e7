/**
 * Every Redis key of the system, and why it exists. `{P}` is written literally, braces included: it is the Redis Cluster
 * hash tag, so all of one promotion lives in one slot and one script can change it atomically.
 * The first four are a public contract: their names, types and values never change. No key has a TTL.
 */
export const keysOf = (promotionId: string) => ({
  /** List: user ids in line, first come first (RPUSH, taken from the left). */
  waitingQueue: `coupon:waiting_queue:{${promotionId}}`,
  /** Set: users whose coupon is being issued; being in it is the only right to a coupon. */
  processing: `coupon:processing:{${promotionId}}`,
  /** String per user: exactly WAITING, PROCESSING, COMPLETED or FAILED. This is the prefix; the user id follows. */
  userStatusPrefix: `coupon:user_status:{${promotionId}}:`,
  /** String: the stock that is left. */
  stock: `{${promotionId}}`,
  /** Hash: PROMOTION_FIELDS, and user → ticket (arrival number) of everyone who ever joined; makes a position O(1) and joins idempotent. */
  promotion: `coupon:promotion:{${promotionId}}`,
  /** Sorted set: user → time (ms) at which the user's issue message counts as lost and is sent again. */
  lease: `coupon:lease:{${promotionId}}`,
  /** List: the line as it stood when the stock ran out or the promotion closed, being swept to FAILED. */
  soldOutQueue: `coupon:sold_out_queue:{${promotionId}}`,
  /** Set: restock request ids already applied, so that a retried restock adds nothing. */
  restockRequests: `coupon:restock_requests:{${promotionId}}`,
});

/** The promotion hash's own fields. They begin with '#', which no user id can; whoever reads tickets skips them. */
export const PROMOTION_FIELDS = ['#state', '#initialStock', '#nowServing', '#nextDrainAtMs', '#createdAtMs'] as const;

/** Whether a field of the promotion hash is a user, with the ticket as its value. */
export const isUserField = (field: string) => !field.startsWith('#');

/** Sorted set: promotions that the loop visits → server time (ms) of their last init-stock. */
export const PROMOTIONS_KEY = 'coupon:promotions';

/** Hash of one shard: lastRun (a counter), run and heartbeatMs of the newest run that completed a tick. */
export const drainRunKey = (shard: number) => `coupon:drain_run:${shard}`;

/** The status key of one user. */
export const userStatusKey = (promotionId: string, userId: string) => keysOf(promotionId).userStatusPrefix + userId;

/**
 * All keys that a promotion itself owns, in the order in which every script that writes takes them (KEYS[1] to KEYS[7]), but for join.
 * Each script gets all of them, also those it does not use: a slot that is just migrating then stops it before it has written.
 */
export function ownKeys(promotionId: string): string[] {
  const k = keysOf(promotionId);
  return [k.waitingQueue, k.processing, k.stock, k.promotion, k.lease, k.soldOutQueue, k.restockRequests];
}

/** The keys of a join (KEYS[1] to KEYS[4]). Only those it uses: why that is safe in a slot that is just migrating, join.lua says. */
export function joinKeys(promotionId: string, userId: string): string[] {
  const k = keysOf(promotionId);
  return [k.waitingQueue, k.stock, k.promotion, k.userStatusPrefix + userId];
}
