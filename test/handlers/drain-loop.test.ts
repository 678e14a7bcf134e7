import { afterEach, describe, expect, test, vi } from 'vitest';
import { readConfig } from '../../lambda/config.ts';
import { createHandler, paceOf } from '../../lambda/drain-loop.ts';
import { type DrainLoop, heartbeatFreshMs } from '../../lambda/queue/drain-loop.ts';
import { RedisUnavailable } from '../../lambda/queue/redis.ts';
import { context } from './events.ts';

describe('drain-loop', () => {
  const start = vi.fn(async (_run: Pick<DrainLoop, 'shard' | 'shards' | 'remainingMs' | 'report'>) => 'DEADLINE' as const);
  const handler = createHandler({ drainLoop: start, evictionPolicies: async () => [], readGauges: async () => null }, 'refuse');

  test('runs its shard, for as long as the function may', async () => {
    expect(await handler({ shard: 2, shards: 3 }, context)).toEqual({ stopped: 'DEADLINE' });
    const [run] = start.mock.lastCall ?? [];
    expect(run).toMatchObject({ shard: 2, shards: 3 });
    expect(run?.remainingMs()).toBe(10_000);
  });

  test('one shard when nothing is said', async () => {
    await handler({}, context);
    expect(start.mock.lastCall?.[0]).toMatchObject({ shard: 0, shards: 1 });
  });

  test.each([null, 'x', { shard: 1, shards: 1 }, { shard: -1, shards: 2 }, { shard: 0, shards: 6 }, { shard: 0.5, shards: 2 }])(
    'refuses %j',
    async (event) => {
      start.mockClear();
      await expect(handler(event, context)).rejects.toThrow(/Invalid|shard/);
      expect(start).not.toHaveBeenCalled();
    },
  );

  test('the pace is that of the environment', () => {
    const env = { ...process.env, BATCH_SIZE: '7', DRAIN_INTERVAL_MS: '80', MAX_IN_FLIGHT: '90', LEASE_MS: '10000' };
    expect(paceOf(readConfig('drain-loop', env))).toEqual({ batchSize: 7, drainIntervalMs: 80, maxInFlight: 90, leaseMs: 10_000 });
  });

  test('a heartbeat outlives a few intervals, and five seconds at least', () => {
    expect([50, 1000, 5000, 60_000].map(heartbeatFreshMs)).toEqual([5000, 5000, 15_000, 180_000]);
  });
});

describe('drain-loop on a Redis that evicts keys', () => {
  const start = vi.fn(async () => 'DEADLINE' as const);
  /** Runs it, and answers the result with the levels of what was logged. */
  async function run(policies: () => Promise<string[]>, onEviction: 'warn' | 'refuse') {
    start.mockClear();
    const lines: string[] = [];
    for (const method of ['log', 'info', 'warn', 'error'] as const) vi.spyOn(console, method).mockImplementation((line) => void lines.push(String(line)));
    const { stopped } = await createHandler({ drainLoop: start, evictionPolicies: policies, readGauges: async () => null }, onEviction)({}, context);
    vi.restoreAllMocks();
    const logged = lines.map((line) => JSON.parse(line) as { level?: string; message?: string; loopErrors?: number });
    return { stopped, logged: logged.flatMap(({ level, message }) => (level ? [`${level} ${message}`] : [])), errors: logged.find(({ loopErrors }) => loopErrors)?.loopErrors };
  }
  afterEach(() => vi.restoreAllMocks());

  test('refuse: there is no run, an error in the log says what to do, and it is counted', async () => {
    const { stopped, logged, errors } = await run(async () => ['volatile-lru'], 'refuse');
    expect({ stopped, errors }).toEqual({ stopped: 'EVICTION', errors: 1 });
    expect(logged).toEqual(['ERROR Redis evicts keys when memory is full (maxmemory-policy volatile-lru), and coupons with them: set noeviction. Nobody is admitted until then']);
    expect(start).not.toHaveBeenCalled();
  });

  test('warn: it runs, and says so in the log', async () => {
    const { stopped, logged } = await run(async () => ['allkeys-lru'], 'warn');
    expect(stopped).toBe('DEADLINE');
    expect(logged).toEqual([expect.stringMatching(/^WARN .*allkeys-lru.*set noeviction$/)]);
  });

  test('Redis away, or one that does not say: it runs', async () => {
    expect(await run(() => Promise.reject(new RedisUnavailable('gone')), 'refuse')).toEqual({ stopped: 'DEADLINE', logged: [], errors: undefined });
    const { stopped, logged } = await run(() => Promise.reject(new Error('NOPERM')), 'refuse');
    expect({ stopped, logged }).toEqual({ stopped: 'DEADLINE', logged: ['WARN Redis does not say whether it evicts keys'] });
  });
});
