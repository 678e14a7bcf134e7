import { limits } from '../capacity/limits.ts';

/** A quantity that no sale and no stage says, and where it is from. */
export interface Assumption {
  readonly value: number;
  readonly unit: string;
  readonly source: string;
}

const assumed = 'assumed';
const documented = 'AWS documentation, read 2026-11';

/** What is counted with beside the sale, the stage and the prices. */
export const assumptions = {
  hoursPerMonth: { value: 730, unit: 'hours in a month', source: 'as AWS reckons' },
  callMs: {
    ...limits.callMs,
    source: 'assumed: the handler takes 0.01 to 0.05 ms of a core (measured), the rest is allowed for the network, TLS and durability, rounded up to 1 ms',
  },
  issuerCallMs: limits.issuerCallMs,
  coldStartMs: { ...limits.coldStartMs, source: 'assumed: some 20 ms of it are the import of the bundle (measured)' },
  environmentsStarted: { value: limits.lambdaConcurrency.value, unit: 'environments that start for a sale', source: assumed },
  /** A run of the loop ends when it sees that its successor has completed a tick. */
  loopOverlapSeconds: { value: 2, unit: 's of each minute in which two runs of the loop overlap', source: assumed },
  answerBytes: { value: 1000, unit: 'bytes of an answer to a phone', source: 'assumed: the body has 216 (measured), the rest are headers and TLS' },
  redisCallBytes: { value: 1000, unit: 'bytes to Redis and back for a call', source: assumed },
  otherZoneShare: { value: 0.5, unit: 'of the calls go to a Redis in the other zone', source: 'two zones' },
  zones: { value: 2, unit: 'zones with an endpoint for SQS', source: 'this stack' },
  userBytes: { value: 303, unit: 'bytes of Redis per user who joined, ids being uuids', source: 'measured: bench/RESULTS.md' },
  accessLogBytes: { value: 430, unit: 'bytes of a line of the access log', source: "measured: this stack's format with a mobile browser's user agent" },
  logEventBytes: { value: 26, unit: 'bytes that CloudWatch adds to a line', source: 'assumed: as PutLogEvents counts them' },
  metricLineBytes: { value: 1000, unit: 'bytes of a line of metrics (EMF)', source: assumed },
  loopMetricLines: { value: 12, unit: 'lines of metrics that a loop without a sale writes in a minute', source: 'this stack: two each 10 s' },
  logCompression: { value: 0.2, unit: 'of the size of a log line is kept', source: assumed },
  /** Lambda asks an idle queue with five pollers, each waiting for 20 s. */
  idleReceivesPerHour: { value: 900, unit: 'requests in an hour by which Lambda asks an idle queue', source: documented },
  serviceMetrics: { value: 14, unit: 'metrics of the service, three of them of the access log', source: 'this stack' },
  shardMetrics: { value: 2, unit: 'metrics of each shard of the loop', source: 'this stack' },
  serviceAlarmMetrics: { value: 20, unit: 'metrics that alarms about the service look at', source: 'this stack' },
  shardAlarmMetrics: { value: 1, unit: 'metric that the alarm about each shard looks at', source: 'this stack' },
  /** Four of them are what the alarm about refused sign-ins adds up; durability and a replica add one each. */
  nodeAlarmMetrics: { value: 7, unit: 'metrics that alarms about each node of Redis look at, one more with durability and one with a replica', source: 'this stack' },
  dashboards: { value: 1, unit: 'dashboard', source: 'this stack' },
} satisfies Record<string, Assumption>;

/** What the reckoning leaves out. */
export const notCounted = [
  'free tiers, discounts, reserved nodes, taxes, support',
  'requests that phones repeat, and those that are refused',
  "a surcharge for `durability: 'sync'`: none was found",
  'what costs less than a cent: starts of the one-minute rule, bytes through the endpoint, mails of alarms, metrics of a promotion for the hours of its sale',
  'who issues the tokens, domain names, certificates, a firewall in front',
] as const;
