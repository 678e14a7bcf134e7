import { Cluster } from 'ioredis';
import { inject, test, vi } from 'vitest';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { connectRedis } from '../../lambda/queue/redis.ts';
import { uniquePromotionId } from '../redis-for-tests.ts';

const modes = ['cluster', 'single'] as const;

test.concurrent.for(modes)('calls under way at once leave in writes of 8, in their order, and a lone call in one of its own (%s)', async (mode, { expect, onTestFinished }) => {
  const client = connectRedis({ url: inject('redisUrl'), mode });
  onTestFinished(() => client.disconnect());
  const promotionId = uniquePromotionId();
  await initStock(client, promotionId, 1000);
  // The script is known to the server from here on, so that each join is one command.
  await join(client, promotionId, 'first');
  const node = client instanceof Cluster ? client.nodes('master')[0] : client;
  if (!node) throw new Error('the client knows no node');
  const together = vi.spyOn(node.stream, '_writev' as never);
  const alone = vi.spyOn(node.stream, '_write');

  const outcomes = await Promise.all(Array.from({ length: 120 }, (_, i) => join(client, promotionId, `u${i}`)));
  expect(outcomes).toEqual(Array.from({ length: 120 }, (_, i) => ({ kind: 'WAITING', position: i + 2 })));
  expect(together).toHaveBeenCalledTimes(15);
  expect(alone).not.toHaveBeenCalled();

  await join(client, promotionId, 'last');
  expect(together).toHaveBeenCalledTimes(15);
  expect(alone).toHaveBeenCalledTimes(1);
});
