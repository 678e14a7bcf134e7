import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectRedis, type RedisClient } from '../../lambda/queue/redis.ts';
import { keysOf } from '../../lambda/queue/keys.ts';
import type { Progress } from '../../bench/progress.ts';
import { rush } from '../../bench/rush.ts';
import { startSystem, type System } from '../../local/system.ts';
import { startFakeApi } from './fake-api.ts';

const START_TIMEOUT_MS = 60_000;
const USERS = 60;
const STOCK = 20;

let dataDir: string;
let system: System;
let redis: RedisClient;
beforeAll(async () => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'rush-local-'));
  system = await startSystem({ dataDir, port: 0 });
  redis = connectRedis({ url: system.endpoints.redisUrl, mode: 'cluster' });
  await redis.connect();
}, START_TIMEOUT_MS);
afterAll(async () => {
  redis?.disconnect();
  await system?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const optionsFor = (promotionId: string, show: (progress: Progress) => void = () => undefined) => ({
  apiUrl: system.apiUrl,
  redisUrl: system.endpoints.redisUrl,
  redisMustAnswer: true,
  promotionId,
  users: USERS,
  stock: STOCK,
  timeoutMs: START_TIMEOUT_MS,
  view: { show, stop: () => undefined },
  signal: new AbortController().signal,
});

// A system that was sabotaged shows that the audit looks at what Redis really holds.
describe.concurrent('a rush to a system on this machine', () => {
  it('passes, audited by HTTP and Redis', async () => {
    const { audit, issued, lost, turnedAway, auditedBy } = await rush(optionsFor('fair'));
    expect(audit.checks.filter(({ result }) => result !== 'ok')).toEqual([]);
    expect({ auditedBy, issued, rest: lost + turnedAway }).toEqual({ auditedBy: 'HTTP and Redis', issued: STOCK, rest: USERS - STOCK });
  });

  it('does not take the Redis of another system for the right one', async () => {
    const other = await startFakeApi();
    const misled = rush({ ...optionsFor('elsewhere'), apiUrl: other.url });
    await expect(misled).rejects.toThrow(`is not the one behind ${other.url}: it lacks promotion elsewhere; correct --redis`);
    other.stop();
  });

  it('fails when a winner appears behind its back', async () => {
    const keys = keysOf('sabotaged');
    let sabotage: Promise<unknown> | undefined;
    const { audit } = await rush(
      optionsFor('sabotaged', ({ completed }) => {
        if (completed === STOCK) sabotage ??= Promise.all([redis.set(`${keys.userStatusPrefix}nobody`, 'COMPLETED'), redis.hset(keys.promotion, 'nobody', 1)]);
      }),
    );
    await sabotage;
    const failed = audit.checks.filter(({ result }) => result === 'FAILED');
    expect(failed).toContainEqual(expect.objectContaining({ promise: 'every phone was told what Redis holds', offenders: ['nobody (not of this crowd)'] }));
    expect(failed).toContainEqual(expect.objectContaining({ promise: 'nobody was issued two coupons', detail: expect.stringContaining('for 21 winners') }));
    expect(failed).toContainEqual(expect.objectContaining({ promise: 'nobody has two tickets or two places' }));
  });
});
