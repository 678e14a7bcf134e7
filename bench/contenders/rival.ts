import { Cluster } from 'ioredis';
import { keysOf, userStatusKey } from '../../lambda/queue/keys.ts';

/** Another way to put users in a line and to give each of them a coupon, or none, in the order of arrival. */
export interface Rival {
  name: string;
  /** Puts one user in line, as a request does. */
  add(userId: string): Promise<unknown>;
  /** Puts many in line, in the way that its documentation advises for many. */
  addMany(userIds: readonly string[]): Promise<unknown>;
  /** Opens what takes users from the line; it begins when it is asked to serve. */
  openWorker(): Promise<RivalWorker>;
  close(): Promise<void>;
}

export interface RivalWorker {
  /** Resolves when so many users have their result. */
  serve(users: number): Promise<void>;
  close(): Promise<void>;
}

/** Where a rival finds the server, and the promotion whose stock it gives away; all its keys carry this hash tag. */
export interface RivalOptions {
  url: string;
  promotionId: string;
}

/** A client as this system uses it too: of a cluster, RESP2. BullMQ asks for unlimited retries. */
export const connectRival = (url: string): Cluster => new Cluster([url], { redisOptions: { protocol: 2, maxRetriesPerRequest: null } });

/** Takes one unit of stock if there is one, and writes the result: what the worker of any rival has to do, as cheaply as it can be done. */
const TAKE_COUPON = `
if redis.call('DECR', KEYS[1]) >= 0 then
  redis.call('SET', KEYS[2], 'COMPLETED')
else
  redis.call('INCR', KEYS[1])
  redis.call('SET', KEYS[2], 'FAILED')
end
return 1`;

/** The arguments of an EVALSHA that gives one user a coupon, or none. */
export type TakeCoupon = (userId: string) => [sha: string, keys: 2, stock: string, status: string];

/** Loads the script that gives one user a coupon, or none. */
export async function loadTakeCoupon(redis: Cluster, promotionId: string): Promise<TakeCoupon> {
  const sha = String(await redis.script('LOAD', TAKE_COUPON));
  const { stock } = keysOf(promotionId);
  return (userId) => [sha, 2, stock, userStatusKey(promotionId, userId)];
}
