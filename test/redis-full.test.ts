import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectRedis, type RedisClient } from '../lambda/queue/redis.ts';
import { type RunningRedis, startRedis } from '../local/redis-server.ts';
import { startSystem, type System } from '../local/system.ts';
import { type Answer, ApiClient, expectFirstTicketsWon, settled, users } from './system-for-tests.ts';

let folder: string;
let redis: RunningRedis;
let client: RedisClient;
let system: System;
let api: ApiClient;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'coupon-queue-full-'));
  redis = await startRedis({ dataDir: path.join(folder, 'redis') });
  client = connectRedis({ url: redis.url, mode: 'cluster' });
  system = await startSystem({ dataDir: path.join(folder, 'data'), port: 0, assemblyDir: inject('assemblyDir'), redisUrl: redis.url });
  api = new ApiClient(system.apiUrl);
});
afterAll(async () => {
  client?.disconnect();
  await system?.stop();
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

function expectUnavailable({ status, headers, body }: Answer): void {
  expect({ status, retryAfter: headers.get('retry-after'), code: body.error?.code }).toEqual({ status: 503, retryAfter: '1', code: 'UNAVAILABLE' });
  expect(JSON.stringify(body)).not.toMatch(/OOM|memory|redis|coupon:|127\.0\.0\.1/i);
}

describe('Redis full under a running system', () => {
  test('joins are refused with 503; polls are answered, and the sale goes on to its end', async () => {
    await api.initStock('sale', 30);
    await api.control('sale', 'pause');
    await Promise.all(users(60).map((user) => api.join('sale', user)));
    await client.config('SET', 'maxmemory', '1');

    expectUnavailable(await api.join('sale', 'late'));
    expectUnavailable(await api.initStock('another', 5));
    expect((await api.status('sale', 'u1')).body.data).toMatchObject({ status: 'WAITING', totalWaiting: 60 });
    expect((await api.status('sale', 'late')).body.data).toMatchObject({ status: 'NOT_IN_QUEUE' });
    expect((await api.info('sale')).body.data).toMatchObject({ queueSize: 60, state: 'PAUSED' });

    expect((await api.control('sale', 'resume')).status).toBe(200);
    await expect.poll(async () => (await api.info('sale')).body.data, { timeout: 10_000 }).toMatchObject({ completedCount: 30, failedCount: 30, processingCount: 0, queueSize: 0 });
    expectUnavailable(await api.join('sale', 'late'));

    await client.config('SET', 'maxmemory', '0');
    expectFirstTicketsWon(await settled(client, 'sale'), 30);
    expect((await api.join('sale', 'late')).body.error?.code).toBe('SOLD_OUT');
    expect((await api.initStock('another', 5)).status).toBe(200);
    expect((await api.join('another', 'late')).body.data).toMatchObject({ status: 'WAITING', position: 1 });
  });
});
