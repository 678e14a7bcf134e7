import { expect, test } from 'vitest';
import { limits } from '../../bench/capacity/limits.ts';
import { keptWarm, minutesToWarm, quotasFor, roundedUp } from '../../bench/capacity/quotas.ts';

const asked = (joinsPerSecond: number, pollsPerUser: number) =>
  Object.fromEntries(quotasFor({ joinsPerSecond, pollsPerUser }).map(({ name, raiseTo }) => [name, raiseTo]));

test('numbers are rounded up to two digits', () => {
  expect([0.4, 7, 12, 99, 101, 1250, 37_500, 50_000].map(roundedUp)).toEqual([1, 7, 12, 99, 110, 1300, 38_000, 50_000]);
});

test('a small rush asks for nothing', () => {
  expect(Object.values(asked(1000, 3)).filter((raiseTo) => raiseTo !== undefined)).toEqual([]);
});

test('a larger one asks for a quarter more than it needs, each part for its own', () => {
  expect(asked(10_000, 3)).toEqual({
    // 40,000 requests and a quarter are 50,000, but the throttles of the routes come to 51,060.
    'requests/s of all APIs': 52_000,
    // 40,000 ÷ 10 and a quarter are 5,000, but 5,100 kept warm and 100 for the others come to 5,200.
    'concurrent executions': 5200,
    'throttle of join, requests/s': 13_000,
    'throttle of status, requests/s': 38_000,
    'join kept warm, environments': 1300,
    'status kept warm, environments': 3800,
  });
  expect(asked(2500, 0)['throttle of join, requests/s']).toBe(3200);
  expect(asked(2000, 0)['join kept warm, environments']).toBeUndefined();
  expect(asked(2001, 0)['join kept warm, environments']).toBe(260);
  expect(asked(2001, 0)['status kept warm, environments']).toBeUndefined();
});

test.each([1000, 3000, 10_000, 100_000])('what is asked for %i joins a second fits together', (joinsPerSecond) => {
  for (const pollsPerUser of [0, 1, 3, 10]) {
    const quotas = quotasFor({ joinsPerSecond, pollsPerUser });
    const value = (name: string) => quotas.filter((quota) => quota.name.startsWith(name)).reduce((sum, { raiseTo, byDefault }) => sum + (raiseTo ?? byDefault), 0);
    expect(value('throttle of')).toBeLessThan(value('requests/s of all APIs'));
    expect(keptWarm(quotas)).toBeLessThan(value('concurrent executions'));
    expect(value('requests/s of all APIs')).toBeGreaterThanOrEqual(joinsPerSecond * (1 + pollsPerUser));
    expect(value('concurrent executions') * limits.lambdaCallsPerEnvironment.value).toBeGreaterThanOrEqual(joinsPerSecond * (1 + pollsPerUser));
  }
});

test('warming takes minutes', () => {
  expect([0, 1, 6000, 6001].map(minutesToWarm)).toEqual([0, 1, 1, 2]);
});
