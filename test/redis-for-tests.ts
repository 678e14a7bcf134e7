import { randomBytes } from 'node:crypto';
import { Cluster } from 'ioredis';
import { inject } from 'vitest';

const CONNECT_ATTEMPTS_MAX = 10;
const RECONNECT_DELAY_MS = 50;

/** A promotion id that no other test uses, so that tests which share one Redis never meet. */
export function uniquePromotionId(): string {
  return `test_${randomBytes(12).toString('base64url')}`;
}

/** A client of the run's Redis. Whoever asks for it closes it: `afterAll(() => client.disconnect())`. */
export function connectForTest(): Cluster {
  return new Cluster([inject('redisUrl')], {
    clusterRetryStrategy: (attempt) => (attempt > CONNECT_ATTEMPTS_MAX ? null : RECONNECT_DELAY_MS),
    redisOptions: { maxRetriesPerRequest: 1 },
  });
}
