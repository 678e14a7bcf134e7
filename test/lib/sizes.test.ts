import { describe, expect, test } from 'vitest';
import { quotasFor } from '../../bench/capacity/quotas.ts';
import { contradictions, LOOP_STOP_SECONDS, MESSAGE_USERS } from '../../lib/sizes.ts';
import { RULE_TARGETS_MAX, stages, type Stage, type WarmPeriod } from '../../lib/stages.ts';
import { STOP_BEFORE_DEADLINE_MS } from '../../lambda/queue/drain-loop.ts';
import { MESSAGE_USERS_MAX } from '../../lambda/queue/issue-message.ts';

const { prod } = stages;
const friday: WarmPeriod = { name: 'friday', from: 'cron(30 11 ? * FRI *)', until: 'cron(0 14 ? * FRI *)', timeZone: 'Asia/Seoul', environments: { join: 200, status: 400 } };

/** prod with one value changed, by its path. */
function changed(path: string, value: unknown): Stage {
  const stage = structuredClone(prod) as unknown as Record<string, unknown>;
  const keys = path.split('.');
  let inner = stage;
  for (const key of keys.slice(0, -1)) inner = inner[key] as Record<string, unknown>;
  expect(inner).toHaveProperty(keys.at(-1)!);
  inner[keys.at(-1)!] = value;
  return stage as unknown as Stage;
}

test.each(Object.entries(stages))('%s has sizes that agree', (_, stage) => {
  expect(contradictions(stage)).toEqual([]);
});

/** The path of a value, the last value at its bound that is allowed, the first one that is not, and the sentence that then comes. */
const bounds: readonly (readonly [path: string, allowed: unknown, refused: unknown, sentence: RegExp])[] = [
  ['shards', RULE_TARGETS_MAX, RULE_TARGETS_MAX + 1, /^shards is 6, but each is a target of the rule, which has 1 to 5\.$/],
  ['shards', 1, 0, /^shards is 0/],
  ['shards', 2, 1.5, /^shards is 1\.5/],
  ['functions.drainLoop.timeoutSeconds', 130, 129, /^functions\.drainLoop\.timeoutSeconds is 129, .* 119 s away: make it more than 129\.$/],
  ['pace.maxInFlight', 100, 99, /^pace\.maxInFlight is 99, so that no batch of pace\.batchSize 100 would ever be full/],
  ['issuing.issuersMax', 2, 1, /^issuing\.issuersMax is 1, but an event source takes 2 to 1000\.$/],
  ['issuing.messagesMax', 10, 11, /^issuing\.messagesMax is 11, but a call gets 1 to 10 messages/],
  ['issuing.visibilityTimeoutSeconds', 48, 47, /^issuing\.visibilityTimeoutSeconds is 47, but must be at least 6 times functions\.issuer\.timeoutSeconds 8/],
  ['issuing.visibilityTimeoutSeconds', 59, 60, /^pace\.leaseMs is 60000, but must be more than issuing\.visibilityTimeoutSeconds 60/],
  ['pace.leaseMs', 50_001, 50_000, /^pace\.leaseMs is 50000, but must be more than issuing\.visibilityTimeoutSeconds 50/],
  // 10 messages of 100 users each, 100 of them in 10 calls at once: 7 rounds of 8 s are 56 s, 8 are 64.
  ['promotionsAtOnce', 70, 71, /^promotionsAtOnce 71 with pace\.maxInFlight 1000 make 710 messages, which issuing\.issuersMax 10 calls of 10 may take 64 s for, but pace\.leaseMs is 60000: raise issuing\.issuersMax\.$/],
  ['issuing.deadLetterDays', 5, 4, /^issuing\.deadLetterDays is 4, .* must be more than issuing\.messageDays 4/],
  ['issuing.deadLetterDays', 14, 15, /^issuing\.messageDays is 4 and issuing\.deadLetterDays 15, but SQS keeps messages for 1 to 14 days\.$/],
  ['functions.api.timeoutSeconds', 29, 30, /^functions\.api\.timeoutSeconds is 30, but must be more than the 3 s .* less than the 30 s/],
  ['functions.api.timeoutSeconds', 4, 3, /^functions\.api\.timeoutSeconds is 3/],
  ['throttles.join.requestsPerSecond', 3820, 3821, /^throttles come to 9881 requests a second, but quotas\.concurrentExecutions 1000 without the 12 of loops and issuers hold 9880, 10 to an environment/],
  ['quotas.apiRequestsPerSecond', 9060, 9059, /^throttles come to 9060 requests a second, but quotas\.apiRequestsPerSecond is 9059: have AWS raise the quota/],
  ['throttles.status.burst', 2940, 2941, /^throttles come to a burst of 5001, but quotas\.apiBurst is 5000: lower the bursts\.$/],
  ['warm', [friday, { ...friday, name: 'launch', environments: { join: 500 } }], [{ ...friday, environments: { join: 500, status: 401 } }], /^warm comes to 901 environments, but quotas\.concurrentExecutions is 1000, of which Lambda leaves 100/],
  ['warm', [friday], [friday, friday], /^warm has the name "friday", but names are .* no two are the same\.$/],
  ['warm', [friday], [{ ...friday, name: 'a b' }], /^warm has the name "a b"/],
  ['warm', [{ ...friday, from: 'at(2026-12-01T11:30:00)' }], [{ ...friday, from: 'rate(1 day)' }], /^warm\.friday has the times rate\(1 day\) and cron\(0 14 \? \* FRI \*\), but they must be such as/],
  ['warm', [friday], [{ ...friday, until: 'at(2026-12-01 11:30)' }], /^warm\.friday has the times/],
  ['warm', [friday], [{ ...friday, environments: {} }], /^warm\.friday must keep a whole number of environments/],
  ['warm', [friday], [{ ...friday, environments: { join: 0 } }], /^warm\.friday must keep/],
  ['redis.replicas', 1, 0, /^redis\.durability is sync, but redis\.replicas is 0/],
  ['redis.replicas', 5, 6, /^redis\.replicas is 6, but a shard has 0 to 5\.$/],
  ['redis.nodeType', 'cache.m7g.large', 'cache.t4g.medium', /^redis\.durability is sync, but redis\.nodeType is cache\.t4g\.medium/],
  ['redis.nodeType', 'cache.r8g.xlarge', 'cache.r6gd.xlarge', /^redis\.durability is sync, but redis\.nodeType is cache\.r6gd\.xlarge/],
  ['redis.nodeType', 'cache.c7gn.large', 'cache.r5.large', /^redis\.durability is sync, but redis\.nodeType is cache\.r5\.large/],
  ['pace', { ...prod.pace, batchSize: 1000, maxInFlight: 10_000 }, { ...prod.pace, batchSize: 1001, maxInFlight: 10_010 }, /^pace\.batchSize is 1001, but must be a whole number from 1 to 1000\.$/],
  ['functions.api.memoryMb', 10_240, 10_241, /^functions\.api\.memoryMb is 10241, but must be a whole number from 128 to 10240\.$/],
  ['functions.drainLoop.timeoutSeconds', 900, 901, /^functions\.drainLoop\.timeoutSeconds is 901, but must be a whole number from 1 to 900\.$/],
  ['issuing.receiveCountMax', 1000, 1001, /^issuing\.receiveCountMax is 1001/],
  ['redis.shards', 500, 501, /^redis\.shards is 501/],
  ['throttles.join.burst', 1, 0, /^throttles\.join\.burst is 0, but must be a whole number of at least 1\.$/],
  ['quotas.concurrentExecutions', 65_000, 65_001, /^quotas\.concurrentExecutions is 65001, each with a connection to every node, but a cache\.r7g\.large takes 65000/],
  ['logDays', 180, 100, /^logDays is 100, which CloudWatch does not offer/],
  ['redis.snapshotWindow', '', '24:00-25:00', /^redis\.snapshotWindow is "24:00-25:00", but must be an hour of the day in UTC/],
  ['redis.maintenanceWindow', 'sun:23:30-mon:00:30', '18:00-19:00', /^redis\.maintenanceWindow is "18:00-19:00", but must be an hour of the week in UTC/],
  ['redis.snapshotDays', 35, 36, /^redis\.snapshotDays is 36, but ElastiCache keeps snapshots for 0 to 35 days\.$/],
  ['redis.snapshotDays', 1, 0, /^keepData is true, but redis\.snapshotDays is 0/],
  ['redis.onEviction', 'refuse', 'warn', /^keepData is true, but redis\.onEviction is warn/],
  ['terminationProtection.data', true, false, /^keepData is true, but terminationProtection\.data is false/],
];

/** The path of every number. */
const numbersIn = (value: unknown, path: readonly string[] = []): string[] =>
  typeof value === 'number' ? [path.join('.')] : typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([name, inner]) => numbersIn(inner, [...path, name])) : [];

test.each(numbersIn(prod))('%s must be a number that it can be', (path) => {
  const allowed = [Number.NaN, -1, 0.5, Infinity].filter((nonsense) => !contradictions(changed(path, nonsense)).some((sentence) => sentence.includes(path.split('.').at(-1)!)));
  expect(allowed).toEqual([]);
});

test('a node type is written in full, in every stage', () => {
  expect(contradictions({ ...stages.dev, redis: { ...stages.dev.redis, nodeType: 't4g.micro' } })).toEqual(['redis.nodeType is "t4g.micro", but must be written as cache.r7g.large.']);
});

describe('one value that does not fit is named in one sentence', () => {
  test.each(bounds)('%s', (path, allowed, refused, sentence) => {
    expect(contradictions(changed(path, allowed))).toEqual([]);
    expect(contradictions(changed(path, refused))).toEqual([expect.stringMatching(sentence)]);
  });

  test('on the smallest node, which takes fewer connections', () => {
    const small = (concurrentExecutions: number) => contradictions({ ...stages.dev, quotas: { ...stages.dev.quotas, concurrentExecutions } });
    expect(small(20_000)).toEqual([]);
    expect(small(20_001)).toEqual([expect.stringMatching(/a cache\.t4g\.micro takes 20000/)]);
  });
});

test('all that does not fit is named at once', () => {
  expect(contradictions({ ...prod, shards: 9, logDays: 8, redis: { ...prod.redis, replicas: 0 } })).toHaveLength(3);
});

test('every sentence is one', () => {
  for (const [path, , refused] of bounds) for (const sentence of contradictions(changed(path, refused))) expect(sentence).toMatch(/^[^\n]+\.$/);
});

test('what is known of the functions here is what they do', () => {
  expect([LOOP_STOP_SECONDS * 1000, MESSAGE_USERS]).toEqual([STOP_BEFORE_DEADLINE_MS, MESSAGE_USERS_MAX]);
});

test.each([1000, 10_000, 100_000])('what docs/capacity.md says to raise for %d joins a second fits together', (joinsPerSecond) => {
  const quotas = quotasFor({ joinsPerSecond, pollsPerUser: 3 });
  const value = (name: string) => {
    const { raiseTo, byDefault } = quotas.find((quota) => quota.name.startsWith(name))!;
    return raiseTo ?? byDefault;
  };
  const throttle = (name: 'join' | 'status') => ({ ...prod.throttles[name], requestsPerSecond: value(`throttle of ${name}`) });
  const [join, status] = [value('join kept warm'), value('status kept warm')];
  const stage = {
    ...prod,
    throttles: { ...prod.throttles, join: throttle('join'), status: throttle('status') },
    quotas: { concurrentExecutions: value('concurrent'), apiRequestsPerSecond: value('requests/s'), apiBurst: prod.quotas.apiBurst },
    warm: join > 0 ? [{ ...friday, environments: { join, status } }] : [],
  };
  expect(contradictions(stage)).toEqual([]);
});
