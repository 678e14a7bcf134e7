import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { evictionPolicies } from '../../lambda/queue/eviction.ts';
import { connectRedis, RedisUnavailable } from '../../lambda/queue/redis.ts';
import { startRedis, startRedisCluster } from '../../local/redis-server.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'coupon-queue-eviction-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function setPolicy(url: string, policy: string): Promise<void> {
  const server = new Redis(url);
  await server.config('SET', 'maxmemory-policy', policy);
  server.disconnect();
}

describe.concurrent('the eviction policy', () => {
  test('a server that never evicts is not reported; one that does is, with its policy', async ({ expect, onTestFinished }) => {
    const server = await startRedis({ dataDir: path.join(folder, 'one') });
    onTestFinished(() => server.stop());
    for (const mode of ['single', 'cluster'] as const) {
      const client = connectRedis({ url: server.url, mode });
      onTestFinished(() => client.disconnect());
      await setPolicy(server.url, 'noeviction');
      expect(await evictionPolicies(client)).toEqual([]);
      await setPolicy(server.url, 'volatile-lru');
      expect(await evictionPolicies(client)).toEqual(['volatile-lru']);
    }
  });

  test('one master of a cluster is enough', async ({ expect, onTestFinished }) => {
    const cluster = await startRedisCluster({ nodes: 3, dataDir: path.join(folder, 'three') });
    onTestFinished(() => cluster.stop());
    const client = connectRedis({ url: cluster.nodes[0]!.url, mode: 'cluster' });
    onTestFinished(() => client.disconnect());
    expect(await evictionPolicies(client)).toEqual([]);
    await setPolicy(cluster.nodes[2]!.url, 'allkeys-random');
    expect(await evictionPolicies(client)).toEqual(['allkeys-random']);
  });

  test('Redis away is an exception like any other', async ({ expect, onTestFinished }) => {
    const client = connectRedis({ url: 'redis://127.0.0.1:1', mode: 'single' });
    onTestFinished(() => client.disconnect());
    await expect(evictionPolicies(client)).rejects.toBeInstanceOf(RedisUnavailable);
  });
});
