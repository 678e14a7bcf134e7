import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vitest/config';

/** Imports a Lua script as its text, as esbuild's `text` loader does in the bundles. */
const lua: Plugin = {
  name: 'lua',
  enforce: 'pre',
  load(id) {
    return id.endsWith('.lua') ? `export default ${JSON.stringify(readFileSync(id, 'utf8'))};` : undefined;
  },
};

/** A complete environment for functions that are imported without being deployed; nothing listens there. */
const nowhere = {
  REDIS_URL: 'redis://127.0.0.1:1',
  REDIS_MODE: 'single',
  REDIS_AUTH: 'none',
  USER_FROM: 'request',
  BATCH_SIZE: '100',
  DRAIN_INTERVAL_MS: '1000',
  MAX_IN_FLIGHT: '1000',
  LEASE_MS: '60000',
  ON_EVICTION: 'refuse',
  QUEUE_URL: 'http://127.0.0.1:1/000000000000/none',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  POWERTOOLS_SERVICE_NAME: 'test',
  POWERTOOLS_METRICS_NAMESPACE: 'test',
  // Logs go to the test's own console, which is shown when the test fails.
  POWERTOOLS_DEV: 'true',
  POWERTOOLS_METRICS_DISABLED: 'false',
};

const TEST_TIMEOUT_MS = 60_000;
/** What `expect.poll` waits for comes soon, but a busy machine may take its time. */
const POLL_TIMEOUT_MS = 15_000;
/** Most tests wait (for Redis, a tick, a process to end) rather than compute. */
const FILES_AT_ONCE = 4;
/** Of the concurrent tests of one file. */
const TESTS_AT_ONCE = 4;

export default defineConfig({
  test: {
    maxWorkers: FILES_AT_ONCE,
    maxConcurrency: TESTS_AT_ONCE,
    testTimeout: TEST_TIMEOUT_MS,
    hookTimeout: TEST_TIMEOUT_MS,
    silent: 'passed-only',
    expect: { poll: { timeout: POLL_TIMEOUT_MS } },
    projects: [
      {
        extends: true,
        plugins: [lua],
        test: { name: 'unit', include: ['test/handlers/**/*.test.ts', 'test/properties/hostile-input.test.ts'], env: nowhere },
      },
      {
        extends: true,
        plugins: [lua],
        test: { name: 'queue', include: ['test/queue/**/*.test.ts'], globalSetup: 'test/redis-global-setup.ts' },
      },
      {
        extends: true,
        plugins: [lua],
        test: { name: 'house', include: ['test/{house,lib,local,bench,docs}/**/*.test.ts'] },
      },
      {
        extends: true,
        plugins: [lua],
        test: { name: 'simulation', include: ['test/simulation/**/*.test.ts'] },
      },
      {
        extends: true,
        plugins: [lua],
        test: { name: 'journeys', include: ['test/*.test.ts', 'test/properties/{model,hostile-http}.test.ts'], globalSetup: 'test/system-global-setup.ts' },
      },
    ],
  },
});
