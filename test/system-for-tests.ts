import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, vi } from 'vitest';
import { connectRedis, type RedisClient } from '../lambda/queue/redis.ts';
import { startSystem, type System } from '../local/system.ts';
import { brokenPromises, type Snapshot, snapshot, winners } from './invariants.ts';
import { uniquePromotionId } from './redis-for-tests.ts';

export { uniquePromotionId };

export interface Answer {
  status: number;
  headers: Headers;
  body: { success?: boolean; message?: string; data?: Record<string, unknown>; error?: { code: string; details?: { field: string; rule: string }[] }; requestId?: string };
}

/** The API as a phone or an operator uses it. */
export class ApiClient {
  readonly url: string;

  constructor(apiUrl: string) {
    this.url = `${apiUrl}/api/coupon/queue`;
  }

  async send(route: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(`${this.url}/${route}`, init);
    return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) as Answer['body'] };
  }

  post(route: string, body: unknown, headers: Record<string, string> = { 'content-type': 'application/json' }): Promise<Answer> {
    return this.send(route, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
  }

  initStock = (promotionId: unknown, stock: unknown) => this.post('init-stock', { promotionId, stock });
  join = (promotionId: unknown, userId: unknown) => this.post('join', { promotionId, userId });
  control = (promotionId: unknown, action: string, more: object = {}) => this.post('control', { promotionId, action, ...more });
  status = (promotionId: string, userId: string) => this.send(`status?promotionId=${promotionId}&userId=${userId}`);
  info = (promotionId: string) => this.send(`info?promotionId=${promotionId}`);

  /** The present state of one user. */
  async stateOf(promotionId: string, userId: string): Promise<unknown> {
    return (await this.status(promotionId, userId)).body.data?.status;
  }
}

/** A running system, as `npm start` makes it, for the tests of one file. */
export function systemForFile() {
  const held = {} as { system: System; api: ApiClient; redis: RedisClient; dataDir: string };
  beforeAll(async () => {
    held.dataDir = await mkdtemp(path.join(tmpdir(), 'coupon-queue-system-'));
    held.system = await startSystem({ dataDir: held.dataDir, port: 0, assemblyDir: inject('assemblyDir') });
    held.api = new ApiClient(held.system.apiUrl);
    held.redis = connectRedis({ url: held.system.endpoints.redisUrl, mode: 'cluster' });
  });
  afterAll(async () => {
    held.redis?.disconnect();
    await held.system?.stop();
    if (held.dataDir) await rm(held.dataDir, { recursive: true, force: true });
  });
  return held;
}

/** u1, u2 … */
export const users = (count: number, from = 1) => Array.from({ length: count }, (_, i) => `u${from + i}`);

const SETTLE_TIMEOUT_MS = 20_000;

/** Waits until everyone who joined is told a final result, by what Redis holds; then checks every promise. */
export async function settled(redis: RedisClient, promotionId: string): Promise<Snapshot> {
  await vi.waitUntil(
    async () => [...(await snapshot(redis, promotionId)).statuses.values()].every((status) => status === 'COMPLETED' || status === 'FAILED'),
    { timeout: SETTLE_TIMEOUT_MS, interval: 50 },
  );
  const after = await snapshot(redis, promotionId);
  expect(brokenPromises(after)).toEqual([]);
  return after;
}

/** Everyone who joined, in the order of their tickets. */
const byTicket = (s: Snapshot) => [...s.tickets].toSorted((a, b) => a[1] - b[1]).map(([user]) => user);

/** The winners are exactly the first so many tickets. */
export function expectFirstTicketsWon(s: Snapshot, count: number): void {
  expect(winners(s)).toEqual(byTicket(s).slice(0, count));
}
