import { createHash } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

/** JSON lines; service name and level come from the environment that every function gets. */
export const logger = new Logger();

const metrics = new Metrics();

/**
 * Every metric, by what tells its series apart besides the service. CloudWatch asks $0.30 a month for each series, so a shard has one of at
 * most five numbers, and promotions are watched WATCHED_MAX of a shard at a time.
 */
export const metricNames = {
  service: ['admitted', 'issued', 'soldOut', 'failed', 'resent', 'swept', 'brokenSums', 'standingLines', 'loopErrors', 'issuerErrors', 'apiErrors'],
  shard: ['ticks', 'activePromotions'],
  promotion: ['joined', 'inLine', 'inProcessing', 'couponsIssued', 'usersFailed', 'stock', 'waitSeconds'],
} as const;

/** Counted by all processes of a service together. */
export type MetricName = (typeof metricNames)['service'][number];
/** Told by the loop, for a shard or for a promotion. */
export type LoopMetricName = (typeof metricNames)['shard' | 'promotion'][number];

const counted = new Map<MetricName, number>();

/** Adds to a counter; it is written by the next publishMetrics. */
export const count = (name: MetricName, value = 1) => void counted.set(name, (counted.get(name) ?? 0) + value);

/** Writes what was counted since the last time as one line in CloudWatch's embedded metric format; nothing if nothing was. */
export function publishMetrics(): void {
  publish(counted);
  counted.clear();
}

/** Writes the metrics of one shard, or of one promotion, as a line of their own; nothing if there are none. */
export function publishMetricsOf(dimension: 'shard' | 'promotion', value: string, values: ReadonlyMap<LoopMetricName, number>): void {
  if (values.size > 0) metrics.addDimension(dimension, value);
  publish(values);
}

function publish(values: ReadonlyMap<MetricName | LoopMetricName, number>): void {
  if (values.size === 0) return;
  for (const [name, value] of values) metrics.addMetric(name, name.endsWith('Seconds') ? MetricUnit.Seconds : MetricUnit.Count, value);
  metrics.publishStoredMetrics();
}

/** A user id as it may stand in a log: the first 16 hex digits of its SHA-256. */
export const hashed = (userId: string) => createHash('sha256').update(userId).digest('hex').slice(0, 16);
