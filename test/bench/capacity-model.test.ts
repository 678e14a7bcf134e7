import { describe, expect, test } from 'vitest';
import { limits } from '../../bench/capacity/limits.ts';
import * as model from '../../bench/capacity/model.ts';
import { BATCH_SIZE_MAX, DRAIN_INTERVAL_MS_MIN } from '../../lambda/config.ts';
import { seededRandom } from '../../bench/seeded-random.ts';
import { stages } from '../../lib/stages.ts';

const costs = { join: 10, poll: 4, issued: 8, swept: 2 };
const measured = { issuedPerSecond: 90_000, connectionsPerEnvironment: 2 };

test('what a user costs is the sum of what a user does', () => {
  expect(model.costPerUser(costs, { pollsPerUser: 0, winners: 1 })).toBe(18);
  expect(model.costPerUser(costs, { pollsPerUser: 10, winners: 0.25 })).toBe(10 + 40 + 2 + 1.5);
  expect(model.joinsPerSecond(costs, { pollsPerUser: 0, winners: 0 })).toBeCloseTo(700_000 / 12);
});

describe('promotions on shards', () => {
  test('chance: mean and deviation of a binomial, and unevenness about 1', () => {
    expect(model.binomial(900, 3)).toEqual({ mean: 300, deviation: Math.sqrt(200) });
    expect(model.unevenness([300, 300, 300])).toBe(0);
    expect(model.unevenness([310, 300, 290])).toBeCloseTo(1 / 3);
    const random = seededRandom(7);
    const drawn = Array.from({ length: 40 }, () => {
      const shards = model.randomShards(1000, 3, random);
      return model.unevenness([0, 1, 2].map((shard) => shards.filter((other) => other === shard).length));
    });
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    expect(mean).toBeGreaterThan(0.5);
    expect(mean).toBeLessThan(1.6);
  });

  test('popularity adds up to everything', () => {
    expect(model.popularity(4, 'equal')).toEqual([0.25, 0.25, 0.25, 0.25]);
    const zipf = model.popularity(100, 'zipf');
    expect(zipf.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
    expect(zipf[0]! / zipf[9]!).toBeCloseTo(10);
  });

  test('the hottest shard has what its promotions have', () => {
    expect(model.hottestShare([0, 1, 0, 2], [0.1, 0.4, 0.2, 0.3])).toBe(0.4);
    expect(model.hottestShare([0, 1, 0, 0], [0.1, 0.4, 0.2, 0.3])).toBeCloseTo(0.6);
    expect(model.hottestShareByChance([0, 0, 0], [0.2, 0.3, 0.5], 10)).toEqual({ median: 1, p95: 1 });
    const { median, p95 } = model.hottestShareByChance(model.randomShards(100, 3, seededRandom(3)), model.popularity(100, 'zipf'), 200);
    expect(median).toBeGreaterThan(1 / 3);
    expect(p95).toBeGreaterThanOrEqual(median);
    expect(model.hottestShareOfRandom([1], 12, 10)).toBe(1);
    expect(model.hottestShareOfRandom(model.popularity(100_000, 'equal'), 4, 9)).toBeCloseTo(0.25, 1);
  });
});

describe('one promotion under a rush', () => {
  const rush = (joinsPerSecond: number, pollsPerUser: number, stock = 100) =>
    model.beyondLimits(model.partsOf({ joinsPerSecond, pollsPerUser, seconds: 10, stock }, costs, measured))[0];

  test('a small one is borne, a larger one meets the throttle, behind which the core is next', () => {
    expect(rush(1000, 1)).toBeUndefined();
    expect(rush(2400, 2)).toBeUndefined();
    expect(rush(2400, 3)?.name).toBe('throttle of status');
    expect(rush(2600, 0)?.name).toBe('Lambda from cold');
    const parts = model.partsOf({ joinsPerSecond: 100_000, pollsPerUser: 3, seconds: 10, stock: 100 }, costs, measured);
    const beyond = model.beyondLimits(parts).map(({ name }) => name);
    expect(beyond).toEqual(['throttle of status', 'API Gateway', 'Lambda', 'Lambda from cold', 'throttle of join', "the shard's core", 'connections']);
  });

  test('each part gives where its limit is, the first one first', () => {
    const found = model.givesAt((joinsPerSecond) => model.partsOf({ joinsPerSecond, pollsPerUser: 0, seconds: 10, stock: 0 }, costs, measured));
    const at = Object.fromEntries(found.map(({ part, joinsPerSecond }) => [part.name, joinsPerSecond]));
    expect(at['API Gateway']).toBeCloseTo(10_000);
    expect(at['Lambda from cold']).toBeCloseTo(2500);
    expect(at['throttle of join']).toBeCloseTo(3000);
    expect(at['throttle of status']).toBe(Infinity);
    expect(at.connections).toBeCloseTo(65_000 / 0.8);
    // A join and a sweep are 12 µs.
    expect(at["the shard's core"]).toBeCloseTo(700_000 / 12);
    expect(at['the loop']).toBe(Infinity);
    expect(found.map(({ joinsPerSecond }) => joinsPerSecond)).toEqual(Object.values(at).toSorted((a, b) => a - b));
  });

  test('more coupons than the loop admits during the rush come after it', () => {
    expect(rush(1000, 0, 1_000_000)?.name).toBe('the loop');
    const slow = model.partsOf({ joinsPerSecond: 1000, pollsPerUser: 0, seconds: 10, stock: 150_000 }, costs, { ...measured, issuedPerSecond: 12_000 });
    expect(model.beyondLimits(slow).map(({ name }) => name)).toEqual(['the loop']);
  });
});

test('limits of this stack are those of its code', () => {
  expect(limits.admittedPerSecond.value).toBe((BATCH_SIZE_MAX / DRAIN_INTERVAL_MS_MIN) * 1000);
  expect(limits.issuersAtOnce.value).toBe(stages.prod.issuing.issuersMax);
});
