import { expect, test } from 'vitest';
import { assumptions } from '../../bench/cost/assumptions.ts';
import { alarmMetrics } from '../../bench/cost/idle-month.ts';
import { readResults } from '../../bench/results.ts';
import { metricNames } from '../../lambda/telemetry.ts';
import { deploy, deployments, prod, type Shape, type Value } from '../lib/deployment.ts';

/** How far a size may be from what is counted with. */
const SIZE_TOLERANCE = 0.1;

/** What API Gateway puts in the place of a variable in the log line of a poll from a mobile browser. */
const values: Record<string, string> = {
  '$context.identity.userAgent':
    'Mozilla/5.0 (Linux; Android 15; SM-S928N) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36',
  '$context.identity.sourceIp': '203.0.113.195',
  '$context.requestId': 'SGFtcGxlQ0VFUGc=',
  '$context.integration.requestId': '8c1e3f5a-0d8a-4b1e-9f0a-3d5b7c9e1f2a',
  '$context.requestTimeEpoch': '1795459766123',
  '$context.routeKey': 'GET /api/coupon/queue/status',
  '$context.status': '200',
  '$context.responseLatency': '12',
  '$context.integrationLatency': '9',
};

const deployment = deploy(prod);

test('a line of the access log is as long as is counted with', () => {
  const { Format: format } = deployment.only('AWS::ApiGatewayV2::Stage').Properties['AccessLogSettings'] as { Format: string };
  // What has no value, such as the error of a request without one, is a dash.
  const line = format.replaceAll(/\$context\.[\w.]+/g, (variable) => values[variable] ?? '-');
  expect(Math.abs(Buffer.byteLength(line) / assumptions.accessLogBytes.value - 1), `${line.length} bytes: ${line}`).toBeLessThan(SIZE_TOLERANCE);
});

test('the endpoint is in as many zones as are counted with, and Lambda writes no lines of calls that go well', () => {
  const zones = (endpoint: Shape): Value[] => endpoint['SubnetIds'] as Value[];
  expect(zones(deployment.only('AWS::EC2::VPCEndpoint').Properties)).toHaveLength(assumptions.zones.value);
  const logging = Object.values(deployment.ofType('AWS::Lambda::Function')).map(({ Properties }) => Properties['LoggingConfig'] as Shape);
  const otherwise = logging.filter((config) => config['LogFormat'] !== 'JSON' || config['SystemLogLevel'] !== 'WARN');
  expect(otherwise, 'bench/cost/sale.ts counts no such lines').toEqual([]);
});

test.each(deployments)('alarms and metrics of %s are as many as are counted with', (_, stage) => {
  const deployment = deploy(stage);
  const looksAt = ({ Properties }: { Properties: Shape }) => ((Properties['Metrics'] as Shape[] | undefined) ?? [{ MetricStat: {} }]).filter((metric) => 'MetricStat' in metric).length;
  expect(Object.values(deployment.ofType('AWS::CloudWatch::Alarm')).reduce((sum, alarm) => sum + looksAt(alarm), 0)).toBe(alarmMetrics(stage));
  const ofService = metricNames.service.length + Object.keys(deployment.ofType('AWS::Logs::MetricFilter')).length;
  expect([ofService, metricNames.shard.length]).toEqual([assumptions.serviceMetrics.value, assumptions.shardMetrics.value]);
});

test('a user has as many bytes as were measured', async () => {
  const figures = (await readResults()).memory?.outcome.figures ?? [];
  const measured = figures.find(({ name }) => name === 'waiting user, uuids')?.value.median;
  expect(measured).toBeGreaterThan(assumptions.userBytes.value * 0.95);
  expect(measured).toBeLessThan(assumptions.userBytes.value * 1.05);
});
