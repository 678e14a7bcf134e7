import { describe, expect, test, vi } from 'vitest';
import { readConfig } from '../../lambda/config.ts';

const complete = {
  REDIS_URL: 'rediss://redis:6379',
  REDIS_MODE: 'cluster',
  REDIS_AUTH: 'none',
  BATCH_SIZE: '100',
  DRAIN_INTERVAL_MS: '1000',
  MAX_IN_FLIGHT: '1000',
  LEASE_MS: '60000',
  ON_EVICTION: 'refuse',
  QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/1/q',
};

describe('config', () => {
  test('reads numbers as numbers', () => {
    expect(readConfig('drain-loop', complete)).toEqual({ ...complete, BATCH_SIZE: 100, DRAIN_INTERVAL_MS: 1000, MAX_IN_FLIGHT: 1000, LEASE_MS: 60_000 });
  });

  test.each([
    ['REDIS_URL', undefined, 'REDIS_URL is missing'],
    ['REDIS_URL', 'http://redis', 'REDIS_URL must be a redis:// or rediss:// URL'],
    ['REDIS_MODE', 'sentinel', 'REDIS_MODE must be cluster or single'],
    ['REDIS_AUTH', 'iam', 'REDIS_AUTH must be none or iam:<user>@<replication group>'],
    ['REDIS_AUTH', 'iam:join', 'REDIS_AUTH must be none or iam:<user>@<replication group>'],
    ['BATCH_SIZE', '', 'BATCH_SIZE must be a whole number'],
    ['BATCH_SIZE', '1e2', 'BATCH_SIZE must be a whole number'],
    ['BATCH_SIZE', '0', 'BATCH_SIZE must be at least 1'],
    ['BATCH_SIZE', '1001', 'BATCH_SIZE must be at most 1000'],
    ['DRAIN_INTERVAL_MS', '49', 'DRAIN_INTERVAL_MS must be at least 50'],
    ['LEASE_MS', '-1', 'LEASE_MS must be a whole number'],
    ['ON_EVICTION', 'ignore', 'ON_EVICTION must be warn or refuse'],
    ['QUEUE_URL', 'queue', 'QUEUE_URL must be an http(s) URL'],
  ])('%s=%j: %s', (name, value, fault) => {
    expect(() => readConfig('drain-loop', { ...complete, [name]: value })).toThrow(fault);
  });

  test('names all that is missing at once', () => {
    expect(() => readConfig('join', {})).toThrow('The environment of join is not complete: REDIS_URL is missing; REDIS_MODE is missing; REDIS_AUTH is missing; USER_FROM is missing.');
  });

  test.each(['join', 'status', 'init-stock', 'info', 'control', 'drain-loop', 'issuer'])('%s checks its environment as it starts', async (name) => {
    vi.resetModules();
    vi.stubEnv('REDIS_URL', undefined);
    await expect(import(`../../lambda/${name}.ts`)).rejects.toThrow(`The environment of ${name} is not complete: REDIS_URL is missing`);
    vi.unstubAllEnvs();
  });
});
