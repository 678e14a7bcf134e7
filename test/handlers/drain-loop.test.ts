import { describe, expect, test, vi } from 'vitest';
import { readConfig } from '../../lambda/config.ts';
import { createHandler, paceOf } from '../../lambda/drain-loop.ts';
import { type DrainLoop, heartbeatFreshMs } from '../../lambda/queue/drain-loop.ts';
import { context } from './events.ts';

describe('drain-loop', () => {
  const start = vi.fn(async (_run: Pick<DrainLoop, 'shard' | 'shards' | 'remainingMs' | 'report'>) => 'DEADLINE' as const);
  const handler = createHandler(start);

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
