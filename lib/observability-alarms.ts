import { ComparisonOperator, TreatMissingData, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { expressionOf, type QueueMetrics } from './observability-metrics.ts';
import type { Stage } from './stages.ts';

/** When somebody is woken, and where it is written what to do then. */
export interface AlarmPlan {
  /** Its logical id. */
  readonly id: string;
  /** The heading of docs/runbook.md; several alarms may share one. */
  readonly runbook: string;
  /** Which one of several, such as a node. */
  readonly of?: string;
  readonly metric: IMetric;
  /** What the metric is, in words. */
  readonly what: string;
  readonly unit?: string;
  readonly comparison: 'at least' | 'more than' | 'less than';
  readonly threshold: number;
  /** Minutes that must be so, of how many. */
  readonly minutes: readonly [bad: number, of: number];
  /** What a minute without a value counts as; by default as a good one. */
  readonly missing?: 'bad';
}

/** Redis answers one command at a time: above this, everyone waits. */
const ENGINE_CPU_PERCENT_MAX = 80;
/** A full Redis refuses joins, and a million users take 0.2 to 0.3 GB: time to act. */
const MEMORY_PERCENT_MAX = 75;
/** Of writes that one failure would lose; at 10 a cluster with durability refuses to write. */
const LAG_SECONDS_MAX = 5;
/** What a node counts when somebody is not let in, or tries what they may not. */
export const refusals = ['AuthenticationFailures', 'CommandAuthorizationFailures', 'KeyAuthorizationFailures', 'IamAuthenticationThrottling'];

const API_ERRORS_PERCENT_MAX = 1;
/** Phones repeat what was throttled; more than this makes itself felt. */
const THROTTLED_PERCENT_MAX = 5;
/** The application gives up on Redis after 2.5 s. */
const LATENCY_P99_MS_MAX = 2000;

export const comparisons: Readonly<Record<AlarmPlan['comparison'], ComparisonOperator>> = {
  'at least': ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  'more than': ComparisonOperator.GREATER_THAN_THRESHOLD,
  'less than': ComparisonOperator.LESS_THAN_THRESHOLD,
};
export const missingData = ({ missing }: AlarmPlan): TreatMissingData => (missing === 'bad' ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING);

/** When an alarm rings, as one reads it in a mail and in docs/runbook.md. */
export function ringsWhen({ what, comparison, threshold, unit = '', minutes: [bad, of] }: AlarmPlan): string {
  const span = bad === of ? (of === 1 ? 'in one minute' : `${of} minutes in a row`) : `${bad} of ${of} minutes`;
  return `${what} ${comparison} ${threshold}${unit}, ${span}`;
}

/** The place of a heading of docs/runbook.md, as GitHub makes it. */
export const runbookAnchor = (heading: string): string => heading.toLowerCase().replaceAll(/[^a-z0-9 -]/g, '').replaceAll(' ', '-');

/** Every alarm of a stage, those about users first. */
export const alarmPlans = (metrics: QueueMetrics, stage: Stage): AlarmPlan[] => [
  ...aboutUsers(metrics),
  ...aboutTheLine(metrics),
  ...aboutIssuing(metrics, stage),
  ...metrics.nodes.flatMap((node) => aboutNode(metrics, node, stage.redis)),
];

function aboutUsers(metrics: QueueMetrics): AlarmPlan[] {
  const percentOf = (part: IMetric, label: string) => expressionOf('100 * part / requests', { part, requests: metrics.api('Count', 'Sum') }, label);
  return [
    {
      id: 'ApiErrors',
      runbook: 'API answers 5xx',
      metric: percentOf(metrics.api('5xx', 'Sum'), '5xx, %'),
      what: 'requests answered 5xx',
      comparison: 'more than',
      threshold: API_ERRORS_PERCENT_MAX,
      unit: ' %',
      minutes: [3, 5],
    },
    {
      id: 'ApiSlow',
      runbook: 'API is slow',
      metric: metrics.api('Latency', 'p99'),
      what: 'latency of the slowest 1 % of requests',
      comparison: 'more than',
      threshold: LATENCY_P99_MS_MAX,
      unit: ' ms',
      minutes: [3, 5],
    },
    {
      id: 'ApiThrottled',
      runbook: 'Requests are throttled',
      metric: percentOf(metrics.fromAccessLog('throttled'), '429, %'),
      what: 'requests answered 429',
      comparison: 'more than',
      threshold: THROTTLED_PERCENT_MAX,
      unit: ' %',
      minutes: [3, 5],
    },
    {
      id: 'FunctionsThrottled',
      runbook: 'Functions are throttled',
      metric: sumOf(metrics.functions.map((name) => metrics.lambda('Throttles', name, 'Sum')), 'throttles'),
      what: 'function calls refused for lack of concurrency',
      comparison: 'at least',
      threshold: 1,
      minutes: [2, 3],
    },
  ];
}

function aboutTheLine(metrics: QueueMetrics): AlarmPlan[] {
  const heartbeats = metrics.shards.map(
    (shard): AlarmPlan => ({
      id: `NoHeartbeat${shard}`,
      runbook: 'Loop has no heartbeat',
      of: `shard ${shard}`,
      metric: metrics.ofShard('ticks', shard, 'Sum'),
      what: 'completed rounds of the loop',
      comparison: 'less than',
      threshold: 1,
      minutes: [3, 3],
      missing: 'bad',
    }),
  );
  return [
    ...heartbeats,
    {
      id: 'StandingLine',
      runbook: 'A line stands still',
      metric: metrics.own('standingLines', 'Maximum'),
      what: 'open promotions whose line nobody leaves',
      comparison: 'at least',
      threshold: 1,
      // Each run of the loop looks for half a minute before it says so: one that is superseded sooner leaves out a minute.
      minutes: [4, 5],
    },
    {
      id: 'BrokenSums',
      runbook: 'Numbers do not add up',
      metric: metrics.own('brokenSums', 'Maximum'),
      what: 'promotions whose numbers do not add up',
      comparison: 'at least',
      threshold: 1,
      minutes: [1, 1],
    },
    {
      id: 'LoopErrors',
      runbook: 'Loop errors',
      metric: sumOf([metrics.own('loopErrors'), metrics.lambda('Errors', 'drain-loop', 'Sum')], 'errors'),
      what: 'errors of the loop',
      comparison: 'at least',
      threshold: 1,
      minutes: [3, 5],
    },
  ];
}

function aboutIssuing(metrics: QueueMetrics, { pace }: Stage): AlarmPlan[] {
  return [
    {
      id: 'IssuerErrors',
      runbook: 'Issuer errors',
      metric: sumOf([metrics.own('issuerErrors'), metrics.lambda('Errors', 'issuer', 'Sum')], 'errors'),
      what: 'errors of the issuer',
      comparison: 'at least',
      threshold: 1,
      minutes: [3, 5],
    },
    {
      id: 'OldestMessage',
      runbook: 'Messages wait too long',
      metric: metrics.queue('ApproximateAgeOfOldestMessage', 'queue', 'age of the oldest message'),
      what: 'age of the oldest message',
      // From then on its users are sent a second time.
      comparison: 'more than',
      threshold: pace.leaseMs / 1000,
      unit: ' s',
      minutes: [3, 3],
    },
    {
      id: 'DeadLetters',
      runbook: 'Dead-letter queue not empty',
      metric: metrics.queue('ApproximateNumberOfMessagesVisible', 'deadLetterQueue', 'dead letters'),
      what: 'messages in the dead-letter queue',
      comparison: 'at least',
      threshold: 1,
      minutes: [1, 1],
    },
  ];
}

function aboutNode(metrics: QueueMetrics, node: string, redis: Stage['redis']): AlarmPlan[] {
  const id = node.replaceAll(/\W+/g, '');
  const durabilityLag: AlarmPlan = {
    id: `DurabilityLag${id}`,
    runbook: 'Durability lags behind',
    of: node,
    metric: metrics.node('DurabilityLag', node, 'Maximum'),
    what: 'age of the oldest write that is not safe yet',
    comparison: 'more than',
    threshold: LAG_SECONDS_MAX * 1000,
    unit: ' ms',
    minutes: [3, 3],
  };
  const replicationLag: AlarmPlan = {
    id: `ReplicationLag${id}`,
    runbook: 'A replica lags behind',
    of: node,
    metric: metrics.node('ReplicationLag', node, 'Maximum'),
    what: 'lag of the replica',
    comparison: 'more than',
    threshold: LAG_SECONDS_MAX,
    unit: ' s',
    minutes: [3, 3],
  };
  return [
    {
      id: `EngineCpu${id}`,
      runbook: 'Redis is busy, or a node is silent',
      of: node,
      metric: metrics.node('EngineCPUUtilization', node, 'Average'),
      what: 'processor time of the engine',
      comparison: 'more than',
      threshold: ENGINE_CPU_PERCENT_MAX,
      unit: ' %',
      minutes: [5, 5],
      // A node that is gone tells nothing.
      missing: 'bad',
    },
    {
      id: `Memory${id}`,
      runbook: 'Redis runs full',
      of: node,
      metric: metrics.node('DatabaseMemoryUsagePercentage', node, 'Maximum'),
      what: 'memory in use',
      comparison: 'more than',
      threshold: MEMORY_PERCENT_MAX,
      unit: ' %',
      minutes: [3, 3],
    },
    ...(redis.durability === 'disabled' ? [] : [durabilityLag]),
    ...(redis.replicas === 0 ? [] : [replicationLag]),
    {
      id: `Traffic${id}`,
      runbook: 'Redis holds back commands',
      of: node,
      metric: metrics.node('TrafficManagementActive', node, 'Maximum'),
      what: 'sign that ElastiCache holds back commands',
      comparison: 'at least',
      threshold: 1,
      minutes: [3, 3],
    },
    {
      id: `Refusals${id}`,
      runbook: 'Redis refuses sign-ins or commands',
      of: node,
      metric: sumOf(refusals.map((name) => metrics.node(name, node, 'Sum')), 'refused'),
      what: 'sign-ins and commands refused',
      comparison: 'at least',
      threshold: 1,
      minutes: [1, 3],
    },
  ];
}

/** The sum of several metrics, as far as they have a value. CloudWatch takes ten of them in an alarm. */
function sumOf(metrics: readonly IMetric[], label: string): IMetric {
  const named = Object.fromEntries(metrics.map((metric, i) => [`m${i}`, metric]));
  return expressionOf(`SUM([${Object.keys(named).join(', ')}])`, named, label);
}
