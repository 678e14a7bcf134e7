import { Duration } from 'aws-cdk-lib/core';
import { MathExpression, Metric, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import type { FunctionName } from '../lambda/config.ts';
import type { LoopMetricName, MetricName } from '../lambda/telemetry.ts';

/** Where the functions' own metrics are. */
export const METRICS_NAMESPACE = 'CouponQueue';
/** Everything is looked at by the minute: it is what AWS's own metrics come in. */
const PERIOD_SECONDS = 60;
const period = Duration.seconds(PERIOD_SECONDS);

/** What CloudWatch makes of the values of a minute. */
export type Statistic = 'Sum' | 'Average' | 'Maximum' | 'p50' | 'p99' | 'SampleCount';

/** What is watched, by the names that its metrics have. */
export interface WatchedNames {
  readonly serviceName: string;
  readonly shards: number;
  readonly apiId: string;
  /** Physical names of the functions. */
  readonly functions: Readonly<Record<FunctionName, string>>;
  readonly queueName: string;
  readonly deadLetterQueueName: string;
  /** Ids of Redis's nodes, by the names that people give them. */
  readonly nodes: Readonly<Record<string, string>>;
}

/** Metrics of the access log; their number is part of the bill. */
export const ACCESS_METRICS = {
  /** Above a route's throttle. */
  throttled: '{ $.status = "429" }',
  /** No token, a wrong one, or someone else's user id. */
  refused: '{ ($.status = "401") || ($.status = "403") }',
  /** Newcomers who were told that nothing is left, or that the promotion is closed. */
  joinsTooLate: '{ ($.status = "409") && ($.routeKey = "POST /api/coupon/queue/join") }',
} as const;

/** Where the metrics of the access log are: a filter can't say which service it counts for but by its namespace. */
export const accessNamespace = (serviceName: string): string => `${METRICS_NAMESPACE}/${serviceName}`;

/** Every metric that alarms and dashboard look at, each by the minute. */
export class QueueMetrics {
  readonly #names: WatchedNames;

  constructor(names: WatchedNames) {
    this.#names = names;
  }

  /** Of all processes together: a count, or (brokenSums, standingLines) a reading. */
  own(metricName: MetricName, statistic: Statistic = 'Sum'): Metric {
    return this.#metric(METRICS_NAMESPACE, metricName, { service: this.#names.serviceName }, statistic, metricName);
  }

  /** Of one shard of the loop. */
  ofShard(metricName: LoopMetricName, shard: number, statistic: Statistic): Metric {
    return this.#metric(METRICS_NAMESPACE, metricName, { service: this.#names.serviceName, shard: String(shard) }, statistic, `shard ${shard}`);
  }

  /** Of each promotion that is watched, as a line of its own; `wrap` is put around the search, such as RATE. */
  ofPromotions(metricName: LoopMetricName, wrap = (search: string) => search): MathExpression {
    const search = `SEARCH('{${METRICS_NAMESPACE},service,promotion} service="${this.#names.serviceName}" MetricName="${metricName}"', 'Maximum', ${PERIOD_SECONDS})`;
    return new MathExpression({ expression: wrap(search), usingMetrics: {}, label: "${PROP('Dim.promotion')}", period });
  }

  fromAccessLog(metricName: keyof typeof ACCESS_METRICS): Metric {
    return this.#metric(accessNamespace(this.#names.serviceName), metricName, {}, 'Sum', metricName);
  }

  api(metricName: 'Count' | '4xx' | '5xx' | 'Latency', statistic: Statistic, label: string = metricName): Metric {
    return this.#metric('AWS/ApiGateway', metricName, { ApiId: this.#names.apiId }, statistic, label);
  }

  lambda(metricName: 'Errors' | 'Throttles' | 'Duration' | 'ConcurrentExecutions', name: FunctionName, statistic: Statistic): Metric {
    return this.#metric('AWS/Lambda', metricName, { FunctionName: this.#names.functions[name] }, statistic, name);
  }

  queue(metricName: 'ApproximateNumberOfMessagesVisible' | 'ApproximateAgeOfOldestMessage', of: 'queue' | 'deadLetterQueue', label: string): Metric {
    const QueueName = of === 'queue' ? this.#names.queueName : this.#names.deadLetterQueueName;
    return this.#metric('AWS/SQS', metricName, { QueueName }, 'Maximum', label);
  }

  /** https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.Redis.html, and Durability.Monitoring.html beside it */
  node(metricName: string, node: string, statistic: Statistic): Metric {
    // Every node of a Redis cluster is a "cache cluster" of one node, which is called 0001.
    return this.#metric('AWS/ElastiCache', metricName, { CacheClusterId: this.#names.nodes[node] ?? '', CacheNodeId: '0001' }, statistic, node);
  }

  get nodes(): string[] {
    return Object.keys(this.#names.nodes);
  }

  get shards(): number[] {
    return Array.from({ length: this.#names.shards }, (_, shard) => shard);
  }

  get functions(): FunctionName[] {
    return Object.keys(this.#names.functions) as FunctionName[];
  }

  #metric(namespace: string, metricName: string, dimensionsMap: Record<string, string>, statistic: Statistic, label: string): Metric {
    return new Metric({ namespace, metricName, dimensionsMap, statistic, period, label });
  }
}

/**
 * The metrics of an expression are looked at by the minute too. No FILL in an alarm: AWS's metrics come some minutes late, and the newest minute would
 * always count as what it is filled with (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html).
 */
export const expressionOf = (expression: string, usingMetrics: Record<string, IMetric>, label: string): MathExpression =>
  new MathExpression({ expression, usingMetrics, label, period });
