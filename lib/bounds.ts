import type { Pace, Stage } from './stages.ts';

type Bounds = readonly [min: number, max: number];

/** What the functions accept; lambda/config.ts has the last word, and a test holds the two together. */
export const PACE_BOUNDS: Record<keyof Pace, Bounds> = {
  batchSize: [1, 1000],
  drainIntervalMs: [50, 60_000],
  maxInFlight: [1, 1_000_000],
  leaseMs: [1000, 3_600_000],
};

/** Memory and time of a function, as Lambda offers them. */
const MEMORY_MB: Bounds = [128, 10_240];
const TIMEOUT_SECONDS: Bounds = [1, 900];
/** SQS hides a message for 12 hours at most, and counts up to so many deliveries. */
const VISIBILITY_SECONDS: Bounds = [1, 43_200];
const RECEIVE_COUNT: Bounds = [1, 1000];
/** A cluster has 500 nodes at most, replicas included, if AWS raises the quota. */
const REDIS_SHARDS: Bounds = [1, 500];
/** Of what has no limit but the account's quotas, against which it is checked elsewhere. */
const POSITIVE: Bounds = [1, Infinity];

const sized = (name: string, { memoryMb, timeoutSeconds }: { memoryMb: number; timeoutSeconds: number }) =>
  [
    [`functions.${name}.memoryMb`, memoryMb, MEMORY_MB],
    [`functions.${name}.timeoutSeconds`, timeoutSeconds, TIMEOUT_SECONDS],
  ] as const;

/** Every number of a stage that lib/sizes.ts does not hold against bounds of its own, by its path. */
const numbersOf = ({ throttles, pace, promotionsAtOnce, redis, functions, issuing, quotas }: Stage): readonly (readonly [path: string, value: number, bounds: Bounds])[] => [
  ...Object.entries(throttles).flatMap(([route, { requestsPerSecond, burst }]) => [
    [`throttles.${route}.requestsPerSecond`, requestsPerSecond, POSITIVE] as const,
    [`throttles.${route}.burst`, burst, POSITIVE] as const,
  ]),
  ...(Object.keys(PACE_BOUNDS) as (keyof Pace)[]).map((name) => [`pace.${name}`, pace[name], PACE_BOUNDS[name]] as const),
  ['promotionsAtOnce', promotionsAtOnce, POSITIVE],
  ['redis.shards', redis.shards, REDIS_SHARDS],
  ...Object.entries(functions).flatMap(([name, size]) => sized(name, size)),
  ['issuing.visibilityTimeoutSeconds', issuing.visibilityTimeoutSeconds, VISIBILITY_SECONDS],
  ['issuing.receiveCountMax', issuing.receiveCountMax, RECEIVE_COUNT],
  ...Object.entries(quotas).map(([name, value]) => [`quotas.${name}`, value, POSITIVE] as const),
];

/** The numbers of a stage that can't be what they are, whatever the others are, each in one sentence. */
export function outOfBounds(stage: Stage): string[] {
  return numbersOf(stage).flatMap(([path, value, [min, max]]) => {
    if (Number.isInteger(value) && value >= min && value <= max) return [];
    return [`${path} is ${value}, but must be a whole number ${max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`}.`];
  });
}
