import { describe, expect, test } from 'vitest';
import { assumptions } from '../../bench/cost/assumptions.ts';
import { costOf } from '../../bench/cost/cost.ts';
import { idleMonthItems } from '../../bench/cost/idle-month.ts';
import { type Item, total } from '../../bench/cost/item.ts';
import { usualSale } from '../../bench/cost/options.ts';
import { nodePrice, prices, type Region, regions } from '../../bench/cost/prices.ts';
import { courseOf, type Sale, saleItems } from '../../bench/cost/sale.ts';
import { stages, type Stage } from '../../lib/stages.ts';

const { dev, prod } = stages;
const usd = (items: readonly Item[]) => Object.fromEntries(items.map((item) => [item.name, item.usd]));
const saleUsd = (sale: Partial<Sale>, stage: Stage = prod, region: Region = 'us-east-1') => usd(saleItems({ ...usualSale, ...sale }, stage, region));
const changed = (before: Record<string, number>, after: Record<string, number>) =>
  Object.fromEntries(Object.entries(after).flatMap(([name, value]) => (value === before[name] ? [] : [[name, value / (before[name] ?? 0)]])));

describe('a sale', () => {
  test.each([
    ['us-east-1', 15],
    ['ap-northeast-2', 18],
  ] as const)('of a million joins with ten polls each costs about so much in %s, the access log apart: $%i', (region, about) => {
    const items = saleUsd({}, prod, region);
    const sum = total(saleItems(usualSale, prod, region));
    expect(sum).toBeCloseTo(Object.values(items).reduce((a, b) => a + b), 6);
    expect(Math.abs(sum - (items['access log'] ?? Number.NaN) - about)).toBeLessThan(0.5);
  });

  test('HTTP API, Lambda and logs are quantity times price', () => {
    const items = saleUsd({ joins: 1_000_000, pollsPerUser: 10 });
    expect(items['HTTP API']).toBeCloseTo(11);
    expect(items['join: requests']).toBeCloseTo(0.2);
    // 10,000,000 calls of 5 ms with 1 GB.
    expect(items['status: duration']).toBeCloseTo(50_000 * 0.0000133334);
    expect(items['access log']).toBeCloseTo(((11e6 * 456) / 1e9) * 0.5);
    expect(saleUsd({}, dev)['status: duration']).toBeCloseTo(25_000 * 0.0000133334);
  });

  test('twice the polls double what polls cost, and nothing else', () => {
    const doubled = changed(saleUsd({ joins: 1000, pollsPerUser: 10 }), saleUsd({ joins: 1000, pollsPerUser: 20 }));
    expect(doubled['status: requests']).toBeCloseTo(2);
    expect(doubled['status: duration']).toBeCloseTo(2);
    for (const name of ['HTTP API', 'access log', 'answers to phones', 'between zones']) expect(doubled[name], name).toBeCloseTo(21 / 11);
    expect(Object.keys(doubled).filter((name) => /^(join|issuer|SQS|starts|provisioned)/.test(name))).toEqual([]);
  });

  test('twice the coupons double SQS and the issuer; more than there are users change nothing', () => {
    const doubled = changed(saleUsd({ coupons: 100_000 }), saleUsd({ coupons: 200_000 }));
    for (const name of ['issuer: requests', 'issuer: duration', 'SQS']) expect(doubled[name], name).toBeCloseTo(2);
    expect(saleUsd({ joins: 1000, coupons: 1000 })).toEqual(saleUsd({ joins: 1000, coupons: 1_000_000 }));
  });

  test('messages of a tick share requests', () => {
    const larger = { ...prod, pace: { ...prod.pace, batchSize: 1000 } };
    const requests = (stage: Stage) => saleItems({ ...usualSale, coupons: 10_000 }, stage, 'us-east-1').find(({ name }) => name === 'SQS')?.quantity;
    expect(requests(prod)).toBe(300);
    expect(requests(larger)).toBe(30);
    expect(requests({ ...larger, issuing: { ...prod.issuing, messagesMax: 1 } })).toBe(10 + 2 * 100);
  });

  test('what is kept warm is of two functions, by the hour', () => {
    const warm = (environments: number, hours: number, stage = prod) => saleUsd({ provisioned: { environments, hours } }, stage)['provisioned concurrency'];
    expect(warm(0, 1)).toBe(0);
    expect(warm(100, 2)).toBeCloseTo(2 * 100 * 2 * 3600 * 0.0000033334);
    expect(warm(100, 2, dev)).toBeCloseTo((warm(100, 2) ?? 0) / 2);
  });

  test('lasts as long as the pace takes for the coupons, and phones poll each ten seconds of it', () => {
    expect(courseOf(usualSale, prod)).toEqual({ soldOutAfterSeconds: 1000, pollsPerUser: 100, pollsPerSecond: 100_000 });
    expect(courseOf({ ...usualSale, joins: 250 }, { ...prod, pace: { ...prod.pace, batchSize: 100, drainIntervalMs: 500 } })).toEqual({
      soldOutAfterSeconds: 1.5,
      pollsPerUser: 1,
      pollsPerSecond: 25,
    });
  });
});

describe('an idle month', () => {
  const month = (stage: Stage, keptUsers = 0) => usd(idleMonthItems(stage, 'us-east-1', keptUsers));

  test('is nodes, loop, endpoint and what watches them', () => {
    const items = month(prod);
    expect(items['Redis: 4 × cache.r7g.large']).toBeCloseTo(4 * 730 * 0.1752);
    // Half a GB, all the time, and two seconds of each minute twice.
    expect(items['drain loop: duration']).toBeCloseTo(0.5 * 730 * 60 * 62 * 0.0000133334);
    expect(items['endpoint for SQS']).toBeCloseTo(2 * 730 * 0.01);
    expect(items).toMatchObject({ metrics: 16 * 0.3, dashboard: 3 });
    expect(items['alarms']).toBeCloseTo(57 * 0.1);
    expect(month(dev)['Redis: 1 × cache.t4g.micro']).toBeCloseTo(730 * 0.0128);
  });

  test('each shard of the loop costs as much again', () => {
    expect(month({ ...prod, shards: 3 })['drain loop: duration']).toBeCloseTo(3 * (month(prod)['drain loop: duration'] ?? 0));
  });

  test('snapshots hold the users of earlier sales', () => {
    expect(month(prod, 1_000_000)['Redis: 7 daily snapshots']).toBeCloseTo(7 * 0.303 * 0.085);
    expect(month(dev, 1_000_000)['Redis: 0 daily snapshots']).toBe(0);
  });

  test('a node without a price is an error that says where to add one', () => {
    const unknown = { ...prod, redis: { ...prod.redis, nodeType: 'cache.x9.large' } };
    expect(() => idleMonthItems(unknown, 'us-east-1', 0)).toThrow('There is no price for cache.x9.large: add one to bench/cost/prices.ts');
  });
});

test('every stage has a price in every region, and sums are those of the lines', () => {
  for (const stage of ['dev', 'prod'] as const) {
    for (const { region, sale, idleMonth } of costOf(usualSale, stage, regions).regions) {
      for (const bill of [sale, idleMonth]) {
        expect(bill.items.every((item) => Number.isFinite(item.usd) && item.usd >= 0), region).toBe(true);
        expect(bill.usd).toBeCloseTo(bill.items.reduce((sum, item) => sum + item.usd, 0), 6);
      }
    }
  }
});

test('prices are positive, and those that nobody read are marked', () => {
  for (const [name, { usd: inRegion, per }] of Object.entries(prices)) for (const region of regions) expect(inRegion[region] / per, name).toBeGreaterThan(0);
  const nodes = saleItems(usualSale, prod, 'ap-northeast-2').filter(({ assumed }) => assumed).map(({ name }) => name);
  expect(nodes).toContain('answers to phones');
  expect(nodes).not.toContain('HTTP API');
  expect(nodePrice('cache.r7g.large').assumed).toEqual(regions);
  for (const { source } of Object.values(assumptions)) expect(source).not.toBe('');
});
