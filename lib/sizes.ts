import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { outOfBounds } from './bounds.ts';
import { mostWarm } from './most-warm.ts';
import { RULE_TARGETS_MAX, type Stage } from './stages.ts';

/** Function timeouts that AWS advises between the delivery of a message and its return (services-sqs-configure of Lambda's guide). */
const VISIBILITY_TIMEOUTS_MIN = 6;
/** Two starts of a one-minute rule may lie this far apart, as each comes somewhere within its minute. */
const START_GAP_SECONDS_MAX = 119;
/** A run of the loop ends this long before its function's time is up. */
export const LOOP_STOP_SECONDS = 10;
/** Users of one promotion that a message holds. */
export const MESSAGE_USERS = 100;
/** The application answers within this time, and API Gateway waits for its functions for 30 s at most. */
const API_TIMEOUT_SECONDS = { above: 3, below: 30 };
/** Requests that Lambda lets one environment take in a second, however short they are (gettingstarted-limits of Lambda's guide). */
const ENVIRONMENT_REQUESTS_PER_SECOND = 10;
/** A run of the loop and the one that takes over from it. */
const RUNS_PER_SHARD = 2;
/** What Lambda leaves of an account's concurrency to functions for which none is set aside. */
const UNRESERVED_MIN = 100;
/** Bounds of an event source's MaximumConcurrency, and of its batch without a batching window, which this one has not. */
const ISSUERS = { min: 2, max: 1000 };
const MESSAGES_PER_CALL_MAX = 10;
/** SQS keeps a message for 14 days at most, ElastiCache a snapshot for 35, and a shard has at most five replicas. */
const MESSAGE_DAYS_MAX = 14;
const SNAPSHOT_DAYS_MAX = 35;
const REPLICAS_MAX = 5;
/** Connections to a node; an environment holds one to each (bench/RESULTS.md). */
const NODE_CONNECTIONS_MAX = 65_000;
const TIME = '([01]\\d|2[0-3]):[0-5]\\d';
const DAY = '(mon|tue|wed|thu|fri|sat|sun)';
const DAILY_WINDOW = new RegExp(`^${TIME}-${TIME}$`);
const WEEKLY_WINDOW = new RegExp(`^${DAY}:${TIME}-${DAY}:${TIME}$`);
const NODE_TYPE = /^cache\.[a-z0-9-]+\.[a-z0-9]+$/;
/** Durability.Limitations of ElastiCache's guide, read 2026-11; r6gd, with data tiering, is not among them. */
const DURABLE_NODE = /^cache\.(?:[rm][678]g|c[78]gn)\./;
const SMALLEST_NODE = { type: 'cache.t4g.micro', connectionsMax: 20_000 };

type Check = (stage: Stage) => string | false;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const between = (value: number, min: number, max: number): boolean => Number.isInteger(value) && value >= min && value <= max;
/** Runs of the loop and calls of the issuer, which share the account's concurrency with the API. */
const behindQueue = ({ shards, issuing }: Stage): number => RUNS_PER_SHARD * shards + issuing.issuersMax;
const throttled = (stage: Stage, what: 'requestsPerSecond' | 'burst'): number => sum(Object.values(stage.throttles).map((throttle) => throttle[what]));
/** Environments kept ready at worst: each function's most, should they fall together. */
const warmAtOnce = ({ warm }: Stage): number => sum([...mostWarm(warm).values()]);

const drain: readonly Check[] = [
  ({ shards }) => !between(shards, 1, RULE_TARGETS_MAX) && `shards is ${shards}, but each is a target of the rule, which has 1 to ${RULE_TARGETS_MAX}.`,
  ({ functions: { drainLoop } }) =>
    drainLoop.timeoutSeconds - LOOP_STOP_SECONDS <= START_GAP_SECONDS_MAX &&
    `functions.drainLoop.timeoutSeconds is ${drainLoop.timeoutSeconds}, of which a run leaves the last ${LOOP_STOP_SECONDS} unused, but the next start may be ${START_GAP_SECONDS_MAX} s away: make it more than ${START_GAP_SECONDS_MAX + LOOP_STOP_SECONDS}.`,
  ({ pace }) =>
    pace.maxInFlight < pace.batchSize &&
    `pace.maxInFlight is ${pace.maxInFlight}, so that no batch of pace.batchSize ${pace.batchSize} would ever be full: raise it, or make batches smaller.`,
];

const issuing: readonly Check[] = [
  ({ issuing: { issuersMax } }) =>
    !between(issuersMax, ISSUERS.min, ISSUERS.max) && `issuing.issuersMax is ${issuersMax}, but an event source takes ${ISSUERS.min} to ${ISSUERS.max}.`,
  ({ issuing: { messagesMax } }) =>
    !between(messagesMax, 1, MESSAGES_PER_CALL_MAX) &&
    `issuing.messagesMax is ${messagesMax}, but a call gets 1 to ${MESSAGES_PER_CALL_MAX} messages: more would need a batching window, and wait for it.`,
  ({ issuing: { visibilityTimeoutSeconds: visibility }, functions: { issuer } }) =>
    visibility < VISIBILITY_TIMEOUTS_MIN * issuer.timeoutSeconds &&
    `issuing.visibilityTimeoutSeconds is ${visibility}, but must be at least ${VISIBILITY_TIMEOUTS_MIN} times functions.issuer.timeoutSeconds ${issuer.timeoutSeconds}, or a message is delivered again while it is being worked on.`,
  ({ issuing: { visibilityTimeoutSeconds: visibility }, pace }) =>
    pace.leaseMs <= visibility * 1000 &&
    `pace.leaseMs is ${pace.leaseMs}, but must be more than issuing.visibilityTimeoutSeconds ${visibility}, or users are sent anew before their message has come back.`,
  ({ promotionsAtOnce, pace, issuing: { issuersMax, messagesMax }, functions: { issuer } }) => {
    const messages = promotionsAtOnce * Math.ceil(pace.maxInFlight / MESSAGE_USERS);
    const seconds = Math.ceil(messages / (issuersMax * messagesMax)) * issuer.timeoutSeconds;
    return (
      seconds * 1000 >= pace.leaseMs &&
      `promotionsAtOnce ${promotionsAtOnce} with pace.maxInFlight ${pace.maxInFlight} make ${messages} messages, which issuing.issuersMax ${issuersMax} calls of ${messagesMax} may take ${seconds} s for, but pace.leaseMs is ${pace.leaseMs}: raise issuing.issuersMax.`
    );
  },
  ({ issuing: { messageDays, deadLetterDays } }) =>
    deadLetterDays <= messageDays &&
    `issuing.deadLetterDays is ${deadLetterDays}, counted from when a message was first sent, but must be more than issuing.messageDays ${messageDays}, or none is left to look at.`,
  ({ issuing: { messageDays, deadLetterDays } }) =>
    !(between(messageDays, 1, MESSAGE_DAYS_MAX) && between(deadLetterDays, 1, MESSAGE_DAYS_MAX)) &&
    `issuing.messageDays is ${messageDays} and issuing.deadLetterDays ${deadLetterDays}, but SQS keeps messages for 1 to ${MESSAGE_DAYS_MAX} days.`,
];

const api: readonly Check[] = [
  ({ functions: { api: size } }) =>
    !(size.timeoutSeconds > API_TIMEOUT_SECONDS.above && size.timeoutSeconds < API_TIMEOUT_SECONDS.below) &&
    `functions.api.timeoutSeconds is ${size.timeoutSeconds}, but must be more than the ${API_TIMEOUT_SECONDS.above} s within which the application answers and less than the ${API_TIMEOUT_SECONDS.below} s that API Gateway waits.`,
  (stage) =>
    throttled(stage, 'requestsPerSecond') > stage.quotas.apiRequestsPerSecond &&
    `throttles come to ${throttled(stage, 'requestsPerSecond')} requests a second, but quotas.apiRequestsPerSecond is ${stage.quotas.apiRequestsPerSecond}: have AWS raise the quota, or lower throttles.`,
  (stage) =>
    throttled(stage, 'burst') > stage.quotas.apiBurst &&
    `throttles come to a burst of ${throttled(stage, 'burst')}, but quotas.apiBurst is ${stage.quotas.apiBurst}: lower the bursts.`,
  (stage) => {
    const held = (stage.quotas.concurrentExecutions - behindQueue(stage)) * ENVIRONMENT_REQUESTS_PER_SECOND;
    return (
      throttled(stage, 'requestsPerSecond') > held &&
      `throttles come to ${throttled(stage, 'requestsPerSecond')} requests a second, but quotas.concurrentExecutions ${stage.quotas.concurrentExecutions} without the ${behindQueue(stage)} of loops and issuers hold ${held}, ${ENVIRONMENT_REQUESTS_PER_SECOND} to an environment: have AWS raise the quota, or lower throttles.`
    );
  },
  (stage) =>
    warmAtOnce(stage) > stage.quotas.concurrentExecutions - UNRESERVED_MIN &&
    `warm comes to ${warmAtOnce(stage)} environments, but quotas.concurrentExecutions is ${stage.quotas.concurrentExecutions}, of which Lambda leaves ${UNRESERVED_MIN} to other functions: have AWS raise the quota, or keep fewer warm.`,
  ({ warm }) => {
    const bad = warm.find(({ name }, index) => !/^[A-Za-z][A-Za-z0-9-]{0,31}$/.test(name) || warm.findIndex((other) => other.name === name) !== index);
    return bad !== undefined && `warm has the name ${JSON.stringify(bad.name)}, but names are letters, digits and dashes, and no two are the same.`;
  },
  ({ warm }) => {
    const bad = warm.find(({ from, until }) => ![from, until].every((time) => /^(at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)|cron\(\S+( \S+){5}\))$/.test(time)));
    return bad !== undefined && `warm.${bad.name} has the times ${bad.from} and ${bad.until}, but they must be such as at(2026-12-01T11:30:00) or cron(30 11 ? * FRI *).`;
  },
  ({ warm }) => {
    const bad = warm.find(({ environments }) => Object.values(environments).length === 0 || !Object.values(environments).every((count) => between(count, 1, Infinity)));
    return bad !== undefined && `warm.${bad.name} must keep a whole number of environments, at least one, of at least one function.`;
  },
];

const redis: readonly Check[] = [
  ({ redis: { durability, replicas } }) =>
    durability === 'sync' && replicas < 1 && `redis.durability is sync, but redis.replicas is ${replicas}: it takes one at least, in another zone.`,
  ({ redis: { durability, nodeType } }) =>
    durability === 'sync' &&
    !DURABLE_NODE.test(nodeType) &&
    `redis.durability is sync, but redis.nodeType is ${nodeType}: ElastiCache offers it on nodes of the families r6g to r8g, m6g to m8g, c7gn and c8gn, written as cache.r7g.large.`,
  ({ redis: { nodeType } }) => !NODE_TYPE.test(nodeType) && `redis.nodeType is ${JSON.stringify(nodeType)}, but must be written as cache.r7g.large.`,
  ({ redis: { replicas } }) => !between(replicas, 0, REPLICAS_MAX) && `redis.replicas is ${replicas}, but a shard has 0 to ${REPLICAS_MAX}.`,
  ({ redis: { nodeType }, quotas }) => {
    const connectionsMax = nodeType === SMALLEST_NODE.type ? SMALLEST_NODE.connectionsMax : NODE_CONNECTIONS_MAX;
    return (
      quotas.concurrentExecutions > connectionsMax &&
      `quotas.concurrentExecutions is ${quotas.concurrentExecutions}, each with a connection to every node, but a ${nodeType} takes ${connectionsMax}: take a larger redis.nodeType, or fewer executions.`
    );
  },
];

const keeping: readonly Check[] = [
  ({ logDays }) => RetentionDays[logDays] === undefined && `logDays is ${logDays}, which CloudWatch does not offer: the nearest are 7, 14, 30, 60, 90, 180 and 365.`,
  ({ redis: { snapshotDays } }) =>
    !between(snapshotDays, 0, SNAPSHOT_DAYS_MAX) && `redis.snapshotDays is ${snapshotDays}, but ElastiCache keeps snapshots for 0 to ${SNAPSHOT_DAYS_MAX} days.`,
  ({ redis: { snapshotWindow } }) =>
    snapshotWindow !== '' &&
    !DAILY_WINDOW.test(snapshotWindow) &&
    `redis.snapshotWindow is ${JSON.stringify(snapshotWindow)}, but must be an hour of the day in UTC such as 17:00-18:00, or ''.`,
  ({ redis: { maintenanceWindow } }) =>
    maintenanceWindow !== '' &&
    !WEEKLY_WINDOW.test(maintenanceWindow) &&
    `redis.maintenanceWindow is ${JSON.stringify(maintenanceWindow)}, but must be an hour of the week in UTC such as tue:18:00-tue:19:00, or ''.`,
  ({ keepData, redis: { snapshotDays } }) => keepData && snapshotDays < 1 && `keepData is true, but redis.snapshotDays is ${snapshotDays}: keep snapshots for a day at least.`,
  ({ keepData, redis: { onEviction } }) =>
    keepData && onEviction !== 'refuse' && `keepData is true, but redis.onEviction is ${onEviction}: refuse to run on a Redis that may evict coupons.`,
  ({ keepData, terminationProtection }) =>
    keepData && !terminationProtection.data && 'keepData is true, but terminationProtection.data is false: protect the stack that holds the data.',
];

/** What in a stage's sizes can't be, or can't be true together, each in one sentence that names the values; none in a stage that may be deployed. */
export function contradictions(stage: Stage): string[] {
  return [...outOfBounds(stage), ...[...drain, ...issuing, ...api, ...redis, ...keeping].flatMap((check) => check(stage) || [])];
}
