import { AlarmStatusWidget, GraphWidget, TextWidget, type IAlarm, type IMetric, type IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { refusals } from './observability-alarms.ts';
import { expressionOf, type QueueMetrics } from './observability-metrics.ts';

/** CloudWatch's grid has so many columns. */
const GRID_COLUMNS = 24;
const GRAPH_ROWS = 6;
const HEADING_ROWS = 2;
const ALARM_ROWS = 4;

interface Graph {
  readonly title: string;
  readonly left: readonly IMetric[];
  /** What has another scale. */
  readonly right?: readonly IMetric[];
  readonly unit?: string;
}

/** A part of the story: a question, and the graphs that answer it. */
interface Chapter {
  readonly heading: string;
  readonly words: string;
  readonly graphs: readonly Graph[];
}

/** The rows of the dashboard, a sale from top to bottom: whoever arrives above leaves below as a winner or not. */
export function dashboardRows(metrics: QueueMetrics, alarms: IAlarm[]): IWidget[][] {
  const status = new AlarmStatusWidget({ title: 'Alarms (docs/runbook.md)', alarms, width: GRID_COLUMNS, height: ALARM_ROWS });
  return [[status], ...chapters(metrics).flatMap(({ heading, words, graphs }) => [[headingOf(heading, words)], graphs.map((graph) => widgetOf(graph, GRID_COLUMNS / graphs.length))])];
}

function chapters(metrics: QueueMetrics): Chapter[] {
  const perSecond = (search: string) => `RATE(${search})`;
  const seconds = (metric: IMetric, label: string) => expressionOf('each / PERIOD(each)', { each: metric }, label);
  const apiFunctions = ['join', 'status'] as const;
  return [
    {
      heading: '1 · They arrive',
      words: 'Requests, and how they are answered. throttled: 429; refused: 401 or 403; joinsTooLate: sold out or closed.',
      graphs: [
        { title: 'Requests per second', left: [seconds(metrics.api('Count', 'Sum'), 'requests')] },
        {
          title: 'Refused, per minute',
          left: [metrics.api('5xx', 'Sum'), metrics.fromAccessLog('throttled'), metrics.fromAccessLog('refused'), metrics.fromAccessLog('joinsTooLate')],
        },
        { title: 'Latency', left: [metrics.api('Latency', 'p50', 'p50'), metrics.api('Latency', 'p99', 'p99')], unit: 'ms' },
      ],
    },
    {
      heading: '2 · They join and wait',
      words: 'Each promotion of the ten busiest by itself. A line that grows while nobody is admitted: look at 3.',
      graphs: [
        { title: 'Newcomers per second', left: [metrics.ofPromotions('joined', perSecond)] },
        { title: 'Users in line', left: [metrics.ofPromotions('inLine')], right: [metrics.own('standingLines', 'Maximum')] },
        { title: 'Wait of a newcomer', left: [metrics.ofPromotions('waitSeconds')], unit: 's' },
      ],
    },
    {
      heading: '3 · They are admitted',
      words: 'The loop ticks once per interval and shard. Resent: a message was lost, or the issuer is slow.',
      graphs: [
        { title: 'Heartbeat of the loop', left: metrics.shards.map((shard) => metrics.ofShard('ticks', shard, 'Sum')), right: metrics.shards.map((shard) => metrics.ofShard('activePromotions', shard, 'Maximum')) },
        { title: 'Admitted, issued, sent again, per minute', left: [metrics.own('admitted'), metrics.own('issued')], right: [metrics.own('resent')] },
        { title: 'Admitted, not issued yet', left: [metrics.ofPromotions('inProcessing')] },
      ],
    },
    {
      heading: '4 · They are issued a coupon',
      words: 'Messages of up to 100 users on their way to the issuer. What fails five times is a dead letter.',
      graphs: [
        {
          title: 'Messages',
          left: [metrics.queue('ApproximateNumberOfMessagesVisible', 'queue', 'waiting'), metrics.queue('ApproximateNumberOfMessagesVisible', 'deadLetterQueue', 'dead letters')],
          right: [metrics.queue('ApproximateAgeOfOldestMessage', 'queue', 'oldest, s')],
        },
        { title: 'Coupons issued per second', left: [metrics.ofPromotions('couponsIssued', perSecond)] },
        { title: 'Coupons left, promotions sold out', left: [metrics.ofPromotions('stock')], right: [metrics.own('soldOut')] },
      ],
    },
    {
      heading: '5 · Or they lose',
      words: 'At stock 0 the whole line fails at once, and is swept in small steps. Sums that do not add up: always 0.',
      graphs: [
        { title: 'Users who lost', left: [metrics.ofPromotions('usersFailed')] },
        { title: 'Swept, per minute', left: [metrics.own('swept')] },
        { title: 'Must be 0', left: [metrics.own('brokenSums', 'Maximum'), metrics.own('failed')] },
      ],
    },
    {
      heading: '6 · What carries it: functions',
      words: 'Errors are ours (…Errors) or of a function that crashed. Throttles: the account has no concurrency left.',
      graphs: [
        { title: 'Errors, per minute', left: [metrics.own('apiErrors'), metrics.own('loopErrors'), metrics.own('issuerErrors'), ...metrics.functions.map((name) => metrics.lambda('Errors', name, 'Sum'))] },
        { title: 'Concurrency', left: metrics.functions.map((name) => metrics.lambda('ConcurrentExecutions', name, 'Maximum')) },
        { title: 'Throttles, per minute', left: metrics.functions.map((name) => metrics.lambda('Throttles', name, 'Sum')) },
        { title: 'Duration, p99', left: [...apiFunctions, 'issuer' as const].map((name) => metrics.lambda('Duration', name, 'p99')), unit: 'ms' },
      ],
    },
    {
      heading: '7 · What carries it: Redis',
      words: 'By node. One promotion lives on one node; a replica only follows.',
      graphs: [
        { title: 'Engine, % of its core', left: ofNodes(metrics, 'EngineCPUUtilization', 'Average') },
        { title: 'Memory, %', left: ofNodes(metrics, 'DatabaseMemoryUsagePercentage', 'Maximum') },
        { title: 'Connections', left: ofNodes(metrics, 'CurrConnections', 'Maximum') },
      ],
    },
    {
      heading: '8 · Whether it is safe',
      words: 'Writes that a failure would lose, commands that ElastiCache holds back, and whoever tries what they may not.',
      graphs: [
        { title: 'Lag', left: ofNodes(metrics, 'DurabilityLag', 'Maximum'), right: ofNodes(metrics, 'ReplicationLag', 'Maximum') },
        { title: 'Held back', left: ofNodes(metrics, 'TrafficManagementActive', 'Maximum') },
        { title: 'Refused, per minute', left: refusals.flatMap((name) => ofNodes(metrics, name, 'Sum')) },
      ],
    },
  ];
}

const ofNodes = (metrics: QueueMetrics, name: string, statistic: 'Average' | 'Maximum' | 'Sum'): IMetric[] => metrics.nodes.map((node) => metrics.node(name, node, statistic));

const headingOf = (heading: string, words: string): IWidget => new TextWidget({ markdown: `## ${heading}\n${words}`, width: GRID_COLUMNS, height: HEADING_ROWS });

function widgetOf({ title, left, right, unit }: Graph, width: number): IWidget {
  return new GraphWidget({
    title,
    left: [...left],
    ...(right && { right: [...right] }),
    leftYAxis: { min: 0, ...(unit !== undefined && { label: unit, showUnits: false }) },
    rightYAxis: { min: 0 },
    width,
    height: GRAPH_ROWS,
  });
}
