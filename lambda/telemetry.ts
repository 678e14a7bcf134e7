import { createHash } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

/** JSON lines; service name and level come from the environment that every function gets. */
export const logger = new Logger();

const metrics = new Metrics();

export type MetricName = 'ticks' | 'admitted' | 'issued' | 'failed' | 'resent' | 'swept' | 'errors';

const counted = new Map<MetricName, number>();

/** Adds to a counter; it is written by the next publishMetrics. */
export const count = (name: MetricName, value = 1) => void counted.set(name, (counted.get(name) ?? 0) + value);

/** Writes what was counted since the last time as one line in CloudWatch's embedded metric format; nothing if nothing was. */
export function publishMetrics(): void {
  if (counted.size === 0) return;
  for (const [name, value] of counted) metrics.addMetric(name, MetricUnit.Count, value);
  counted.clear();
  metrics.publishStoredMetrics();
}

/** A user id as it may stand in a log: the first 16 hex digits of its SHA-256. */
export const hashed = (userId: string) => createHash('sha256').update(userId).digest('hex').slice(0, 16);
