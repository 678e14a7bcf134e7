import type { Redis } from 'ioredis';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf } from '../../lambda/queue/keys.ts';
import type { RedisClient } from '../../lambda/queue/redis.ts';
import { batched, userId } from '../batches.ts';
import type { Gathered } from '../gathered-client.ts';
import type { Contender } from '../rounds.ts';

/** Users of one issue, as a message holds them. */
const MESSAGE_USERS = 100;
const LEASE_UNTIL_MS = '1800000000000';

interface Lines {
  redis: Redis;
  client: RedisClient;
  gathered: Gathered;
  batchSize: number;
  promotions: number;
  rounds: number;
}

/** The commands that drain and issue can't do without, of the same batches, sent bare in one write: no check, and nothing that holds them together. */
export async function bareDrainIssue({ redis, client, gathered, batchSize, promotions, rounds }: Lines): Promise<Contender> {
  const promotionIds = Array.from({ length: promotions }, (_, i) => `bare-${i}`);
  for (const promotionId of promotionIds) await initStock(client, promotionId, batchSize * rounds);
  return {
    name: `bare commands, batch ${batchSize.toLocaleString('en-US')}`,
    operations: batchSize * promotions,
    async prepare(round) {
      for (const promotionId of promotionIds) await batched(batchSize, (index) => join(gathered.client, promotionId, userId(index, round)), gathered.flush);
    },
    async run(_operations, round) {
      const users = Array.from({ length: batchSize }, (_, index) => userId(index, round));
      for (const promotionId of promotionIds) {
        const keys = keysOf(promotionId);
        const statusKeys = users.map((user) => keys.userStatusPrefix + user);
        const both = (values: readonly string[], other: string) => values.flatMap((value) => [value, other]);
        const commands: [string, ...(string | number)[]][] = [
          ['hmget', keys.promotion, '#state', '#nowServing', '#nextDrainAtMs'],
          ['lrange', keys.waitingQueue, 0, batchSize - 1],
          ['mget', ...statusKeys],
          ['ltrim', keys.waitingQueue, batchSize, -1],
          ['mset', ...both(statusKeys, 'PROCESSING')],
          ['sadd', keys.processing, ...users],
          ['zadd', keys.lease, ...users.flatMap((user) => [LEASE_UNTIL_MS, user])],
        ];
        for (let from = 0; from < batchSize; from += MESSAGE_USERS) {
          const message = users.slice(from, from + MESSAGE_USERS);
          const messageKeys = statusKeys.slice(from, from + MESSAGE_USERS);
          commands.push(
            ['smismember', keys.processing, ...message],
            ['mget', ...messageKeys],
            ['decrby', keys.stock, message.length],
            ['mset', ...both(messageKeys, 'COMPLETED')],
            ['srem', keys.processing, ...message],
            ['zrem', keys.lease, ...message],
          );
        }
        await redis.pipeline(commands).exec();
      }
    },
  };
}
