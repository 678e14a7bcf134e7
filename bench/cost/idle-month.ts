import type { Stage } from '../../lib/stages.ts';
import { assumptions as given } from './assumptions.ts';
import { itemOf, type Item } from './item.ts';
import { nodePrice, prices, type Region } from './prices.ts';
import { gbMonthsKept } from './sale.ts';

const MINUTES_PER_HOUR = 60;
const SECONDS_PER_MINUTE = 60;
const MB_PER_GB = 1024;
const BYTES_PER_GB = 1e9;

/** Alarms are paid by the metrics that they look at. */
export function alarmMetrics({ redis, shards }: Stage): number {
  const perNode = given.nodeAlarmMetrics.value + (redis.durability === 'disabled' ? 0 : 1) + (redis.replicas === 0 ? 0 : 1);
  return given.serviceAlarmMetrics.value + shards * given.shardAlarmMetrics.value + redis.shards * (1 + redis.replicas) * perNode;
}

/**
 * What a stage costs in a month in which nothing is sold.
 * @param keptUsers users of earlier sales whose record is still in Redis, and so in its snapshots
 */
export function idleMonthItems(stage: Stage, region: Region, keptUsers: number): Item[] {
  const { redis, functions, shards, logDays } = stage;
  const hours = given.hoursPerMonth.value;
  const runs = hours * MINUTES_PER_HOUR * shards;
  const loopSeconds = runs * (SECONDS_PER_MINUTE + given.loopOverlapSeconds.value);
  const loopLogBytes = given.loopMetricLines.value * (given.metricLineBytes.value + given.logEventBytes.value);
  const logGb = (runs * loopLogBytes) / BYTES_PER_GB;
  const nodes = redis.shards * (1 + redis.replicas);
  const item = itemOf.bind(undefined, region);
  return [
    item(`Redis: ${nodes} × ${redis.nodeType}`, nodes * hours, nodePrice(redis.nodeType)),
    item(`Redis: ${redis.snapshotDays} daily snapshots`, (redis.snapshotDays * keptUsers * given.userBytes.value) / BYTES_PER_GB, prices.snapshots),
    item('drain loop: requests', runs, prices.lambdaRequests),
    item('drain loop: duration', (loopSeconds * functions.drainLoop.memoryMb) / MB_PER_GB, prices.lambdaDuration),
    item('endpoint for SQS', given.zones.value * hours, prices.interfaceEndpoint),
    item('SQS, asked by Lambda', given.idleReceivesPerHour.value * hours, prices.sqs),
    item('logs of the loop', logGb, prices.logsIngested),
    item(`logs, kept for ${logDays} days`, gbMonthsKept(logGb, logDays), prices.logsKept),
    item('metrics', given.serviceMetrics.value + shards * given.shardMetrics.value, prices.metrics),
    item('alarms', alarmMetrics(stage), prices.alarms),
    item('dashboard', given.dashboards.value, prices.dashboards),
  ];
}
