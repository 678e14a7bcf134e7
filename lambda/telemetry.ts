import { createHash } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

/** JSON lines; service name and level come from the environment that every function gets. */
export const logger = new Logger();

const metrics = new Metrics();

export type MetricName = 'ticks' | 'admitted' | 'issued' | 'failed' | 'resent' | 'swept' | 'errors';

/** Adds to a counter; it is written by the next publishMetrics. */
export const count = (name: MetricName, value = 1) => void metrics.addMetric(name, MetricUnit.Count, value);

/** Writes what was counted as one line in CloudWatch's embedded metric format; nothing if nothing was. */
export const publishMetrics = () => {
  if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
};

/** A user id as it may stand in a log: the first 16 hex digits of its SHA-256. */
export const hashed = (userId: string) => createHash('sha256').update(userId).digest('hex').slice(0, 16);
