import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { connectRedis } from '../lambda/queue/redis.ts';
import { type RunningRedis, startRedis } from '../local/redis-server.ts';
import { startSystem, type System } from '../local/system.ts';
import { ApiClient, expectFirstTicketsWon, settled, users } from './system-for-tests.ts';

const UNAVAILABLE_MS_MAX = 3000;

let folder: string;
let redis: RunningRedis;
let system: System;
let api: ApiClient;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'coupon-queue-away-'));
  redis = await startRedis({ dataDir: path.join(folder, 'redis') });
  system = await startSystem({ dataDir: path.join(folder, 'data'), port: 0, assemblyDir: inject('assemblyDir'), redisUrl: redis.url });
  api = new ApiClient(system.apiUrl);
});
afterAll(async () => {
  await system?.stop();
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Expects the envelope of 503, with the time to try again, in time; from functions that are warm, and from one that is not yet. */
async function expectUnavailable(): Promise<void> {
  const calls = [() => api.join('sale', 'late'), () => api.status('sale', 'u1'), () => api.info('sale'), () => api.control('sale', 'pause')];
  for (const call of calls) {
    const before = performance.now();
    const { status, headers, body } = await call();
    expect(performance.now() - before).toBeLessThan(UNAVAILABLE_MS_MAX);
    expect({ status, retryAfter: headers.get('retry-after'), code: body.error?.code }).toEqual({ status: 503, retryAfter: '1', code: 'UNAVAILABLE' });
    expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|redis|coupon:|\bat\b/i);
  }
}

describe('Redis away under a running system', () => {
  test('frozen: 503 in under 3 s, cold or warm; back: the sale goes on without a restart, and nobody is lost', async () => {
    await api.initStock('sale', 30);
    await Promise.all(users(60).map((user) => api.join('sale', user)));
    process.kill(redis.pid, 'SIGSTOP');
    try {
      await expectUnavailable();
    } finally {
      process.kill(redis.pid, 'SIGCONT');
    }
    await vi.waitUntil(async () => (await api.status('sale', 'u1')).status === 200, { timeout: 10_000 });
    const client = connectRedis({ url: redis.url, mode: 'cluster' });
    const after = await settled(client, 'sale');
    client.disconnect();
    expectFirstTicketsWon(after, 30);
  });
});
