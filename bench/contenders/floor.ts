import type { Redis } from 'ioredis';
import { batched, rolling, userId } from '../batches.ts';
import type { Contender } from '../rounds.ts';

/** `pipelined`: 50 commands in one write, so that system calls hide little; `50 at once`: as 50 callers of one process. */
export type Sending = 'pipelined' | '50 at once';

/** What any operation costs at least: one write of a key that was not there, as a join's status key is not. */
export const setContender = (redis: Redis, sending: Sending): Contender =>
  sender('SET', redis, sending, (index, round) => ['SET', `coupon:user_status:{set-${sending}}:${userId(index, round)}`, 'WAITING']);

/** What any script costs at least. */
export async function scriptContender(redis: Redis, sending: Sending): Promise<Contender> {
  const sha = String(await redis.script('LOAD', 'return 1'));
  return sender('EVALSHA return 1', redis, sending, () => ['EVALSHA', sha, 1, '{floor}']);
}

type Words = [string, ...(string | number)[]];

/** A contender that sends one command an operation. */
function sender(name: string, redis: Redis, sending: Sending, words: (index: number, round: number) => Words): Contender {
  return {
    name,
    async run(operations, round) {
      if (sending === '50 at once') {
        await rolling(operations, (index) => redis.call(...words(index, round)));
        return;
      }
      let pipeline = redis.pipeline();
      await batched(
        operations,
        async (index) => void pipeline.call(...words(index, round)),
        async () => {
          await pipeline.exec();
          pipeline = redis.pipeline();
        },
      );
    },
  };
}

/** The commands that a join can't do without, sent bare and pipelined: no check, and nothing that holds them together. */
export function bareJoin(redis: Redis): Contender {
  const slot = '{bare}';
  let pipeline = redis.pipeline();
  return {
    name: 'bare commands',
    run: (operations, round) =>
      batched(
        operations,
        async (index) => {
          const user = userId(index, round);
          pipeline
            .hmget(`coupon:promotion:${slot}`, '#state', '#nowServing', user)
            .get(slot)
            .rpush(`coupon:waiting_queue:${slot}`, user)
            .hset(`coupon:promotion:${slot}`, user, String(index))
            .set(`coupon:user_status:${slot}:${user}`, 'WAITING');
        },
        async () => {
          await pipeline.exec();
          pipeline = redis.pipeline();
        },
      ),
  };
}
