import { describe, expect, test } from 'vitest';
import { ACCESS_METRICS } from '../../lib/observability-metrics.ts';
import { dashboardBody } from '../../lib/observability-picture.ts';
import { metricNames } from '../../lambda/telemetry.ts';
import { deploy, deployments, prod, rendered, target, type Resource, type Shape, type Value } from './deployment.ts';

/** What CloudWatch takes in one alarm. */
const METRICS_PER_ALARM_MAX = 10;

/** Columns of a dashboard. */
const GRID_COLUMNS = 24;

interface Widget {
  x: number;
  y: number;
  width: number;
  height: number;
  properties: { metrics?: unknown[][] };
}

interface Looked {
  namespace: string;
  name: string;
  dimensions: Record<string, Value>;
}

/** The metrics that an alarm looks at. */
function metricsOf({ Properties }: Resource): Looked[] {
  const queries = Properties['Metrics'] as Shape[] | undefined;
  const plain = queries ? queries.flatMap((query) => (query['MetricStat'] ? [(query['MetricStat'] as Shape)['Metric'] as Shape] : [])) : [Properties];
  return plain.map((metric) => ({
    namespace: rendered(metric['Namespace']),
    name: rendered(metric['MetricName']),
    dimensions: Object.fromEntries(((metric['Dimensions'] ?? []) as Shape[]).map((dimension) => [rendered(dimension['Name']), dimension['Value']!])),
  }));
}

describe.each(deployments)('%s', (_, stage) => {
  const deployment = deploy(stage);
  const alarms = Object.entries(deployment.ofType('AWS::CloudWatch::Alarm')).map(([id, resource]) => ({ id, ...resource }));
  const looked = alarms.flatMap(metricsOf);
  const topic = deployment.only('AWS::SNS::Topic');

  test.each(alarms)('$id rings the topic, and again when all is well', ({ Properties }) => {
    for (const actions of ['AlarmActions', 'OKActions']) expect((Properties[actions] as Value[]).map(target)).toContain(topic.id);
    expect(Properties['ActionsEnabled'] ?? true).toBe(true);
  });

  test.each(alarms)('$id looks at metrics that there are, no more than CloudWatch takes', (alarm) => {
    const metrics = metricsOf(alarm);
    expect(metrics.length).toBeGreaterThan(0);
    expect(metrics.length).toBeLessThanOrEqual(METRICS_PER_ALARM_MAX);
    for (const { namespace, name, dimensions } of metrics) {
      if (namespace === 'CouponQueue') {
        const { service, ...more } = dimensions;
        expect(service).toBe('coupon-queue-test');
        const [by = 'service'] = Object.keys(more) as (keyof typeof metricNames)[];
        expect(metricNames[by]).toContain(name);
      } else if (namespace.startsWith('CouponQueue/')) {
        expect(namespace).toBe('CouponQueue/coupon-queue-test');
        expect(Object.keys(ACCESS_METRICS)).toContain(name);
      } else {
        expect(namespace).toMatch(/^AWS\/(ApiGateway|Lambda|SQS|ElastiCache)$/);
        const [first] = Object.values(dimensions);
        const type = { 'AWS/ApiGateway': 'AWS::ApiGatewayV2::Api', 'AWS/Lambda': 'AWS::Lambda::Function', 'AWS/SQS': 'AWS::SQS::Queue', 'AWS/ElastiCache': 'AWS::ElastiCache::ReplicationGroup' }[namespace];
        const parts = (first as Shape)['Fn::Join'];
        expect(deployment.at(Array.isArray(parts) ? (parts[1] as Value[])[0] : first).Type).toBe(type);
      }
    }
  });

  test('the functions write their metrics where the alarms look', () => {
    for (const { Properties } of Object.values(deployment.ofType('AWS::Lambda::Function'))) {
      expect((Properties['Environment'] as Shape)['Variables']).toMatchObject({ POWERTOOLS_METRICS_NAMESPACE: 'CouponQueue', POWERTOOLS_SERVICE_NAME: 'coupon-queue-test' });
    }
  });

  test('every shard of the loop, every function and every node of Redis is watched', () => {
    const valuesOf = (namespace: string, dimension: string) => new Set(looked.filter((metric) => metric.namespace === namespace).map(({ dimensions }) => dimensions[dimension]).filter((value) => value !== undefined));
    expect(valuesOf('CouponQueue', 'shard')).toEqual(new Set(Array.from({ length: stage.shards }, (_, shard) => String(shard))));
    expect(new Set([...valuesOf('AWS/Lambda', 'FunctionName')].map(target))).toEqual(new Set(Object.keys(deployment.ofType('AWS::Lambda::Function'))));
    const group = deployment.only('AWS::ElastiCache::ReplicationGroup');
    const { NumNodeGroups, ReplicasPerNodeGroup } = group.Properties;
    const nodes = new Set([...valuesOf('AWS/ElastiCache', 'CacheClusterId')].map(rendered));
    expect(nodes.size).toBe(Number(NumNodeGroups) * (Number(ReplicasPerNodeGroup) + 1));
    for (const node of nodes) expect(node).toMatch(new RegExp(`^${group.id}-000[1-9]-00[1-9]$`));
  });

  test('a loop that says nothing, or a node, rings; of all else only what is said', () => {
    const silent = alarms.filter(({ Properties }) => Properties['TreatMissingData'] === 'breaching').map(({ id }) => id.replace(/^Observability(NoHeartbeat|EngineCpu).*/, '$1'));
    expect(new Set(silent)).toEqual(new Set(['NoHeartbeat', 'EngineCpu']));
  });

  test('both queues, the API and the lag of writes are watched', () => {
    const queues = looked.filter(({ namespace }) => namespace === 'AWS/SQS').map(({ dimensions }) => target(dimensions['QueueName']));
    expect(new Set(queues)).toEqual(new Set(Object.keys(deployment.ofType('AWS::SQS::Queue'))));
    const names = new Set(looked.map(({ name }) => name));
    for (const name of ['5xx', 'Latency', 'throttled', 'Throttles', 'brokenSums', 'standingLines', 'loopErrors', 'issuerErrors', 'EngineCPUUtilization', 'DatabaseMemoryUsagePercentage', 'AuthenticationFailures']) {
      expect(names).toContain(name);
    }
    expect([names.has('DurabilityLag'), names.has('ReplicationLag')]).toEqual([stage.redis.durability === 'sync', stage.redis.replicas > 0]);
  });

  test('the access log is counted from: what the filters ask for is in its lines', () => {
    const log = deployment.at((deployment.only('AWS::ApiGatewayV2::Stage').Properties['AccessLogSettings'] as Shape)['DestinationArn']);
    const format = JSON.parse(rendered((deployment.only('AWS::ApiGatewayV2::Stage').Properties['AccessLogSettings'] as Shape)['Format'])) as Record<string, string>;
    const routeKeys = Object.values(deployment.ofType('AWS::ApiGatewayV2::Route')).map(({ Properties }) => rendered(Properties['RouteKey']));
    const filters = Object.values(deployment.ofType('AWS::Logs::MetricFilter'));
    expect(filters).toHaveLength(Object.keys(ACCESS_METRICS).length);
    for (const { Properties } of filters) {
      expect(target(Properties['LogGroupName'])).toBe(log.id);
      const asked = [...rendered(Properties['FilterPattern']).matchAll(/\$\.(\w+) = "([^"]+)"/g)].map(([, field = '', value = '']) => ({ field, value }));
      expect(asked.length).toBeGreaterThan(0);
      for (const { field, value } of asked) {
        expect(format).toHaveProperty(field);
        if (field === 'routeKey') expect(routeKeys).toContain(value);
      }
    }
  });

  describe('the dashboard', () => {
    const { widgets } = JSON.parse(dashboardBody(deployment.resources)) as { widgets: Widget[] };
    const rows = widgets.flatMap(({ properties }) => properties.metrics ?? []);
    const shown = new Set(rows.flatMap((row) => (typeof row[1] === 'string' ? [row[1]] : [/MetricName="(\w+)"/.exec(String((row[0] as { expression?: string }).expression))?.[1]])));

    test('shows every metric of ours, and all that alarms look at', () => {
      const ours = [...Object.values(metricNames).flat(), ...Object.keys(ACCESS_METRICS)];
      expect([...ours, ...looked.map(({ name }) => name)].filter((name) => !shown.has(name))).toEqual([]);
      expect(widgets[0]).toMatchObject({ type: 'alarm', y: 0, properties: { alarms: { length: alarms.length } } });
    });

    test('shows nothing of ours that nobody writes', () => {
      const named = new Set<unknown>([...Object.values(metricNames).flat(), ...Object.keys(ACCESS_METRICS)]);
      const strange = rows.filter((row) => String(row[0]).startsWith('CouponQueue') && !named.has(row[1]));
      const searched = [...shown].filter((name) => rows.some((row) => String((row[0] as { expression?: string }).expression).includes(`MetricName="${name}"`)));
      expect([...strange, ...searched.filter((name) => !(metricNames.promotion as readonly unknown[]).includes(name))]).toEqual([]);
    });

    test('fills its columns, and no widget covers another', () => {
      const cells = widgets.flatMap(({ x, y, width, height }) => Array.from({ length: width * height }, (_, i) => `${x + (i % width)} ${y + Math.floor(i / width)}`));
      expect(new Set(cells).size).toBe(cells.length);
      expect(cells.length).toBe(GRID_COLUMNS * Math.max(...widgets.map(({ y, height }) => y + height)));
    });
  });

  test('the topic takes alarms of this account, by TLS alone', () => {
    const policy = deployment.only('AWS::SNS::TopicPolicy');
    expect((policy.Properties['Topics'] as Value[]).map(target)).toEqual([topic.id]);
    expect((policy.Properties['PolicyDocument'] as Shape)['Statement']).toMatchObject([
      { Effect: 'Deny', Action: 'sns:Publish', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
      { Effect: 'Allow', Action: 'sns:Publish', Principal: { Service: 'cloudwatch.amazonaws.com' }, Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } } },
    ]);
    // An encrypted topic would take a key that CloudWatch may use: with AWS's own one, alarms are dropped without a word.
    expect(topic.Properties).not.toHaveProperty('KmsMasterKeyId');
  });

  test('mails go to whom the stage names', () => {
    const subscriptions = Object.values(deployment.ofType('AWS::SNS::Subscription')).map(({ Properties }) => [Properties['Protocol'], Properties['Endpoint'], target(Properties['TopicArn'])]);
    expect(subscriptions).toEqual(stage.alarms.emails.map((email) => ['email', email, topic.id]));
  });
});

test('a topic that is there already is rung as well', () => {
  const topicArn = 'arn:aws:sns:eu-west-1:123456789012:on-call';
  const deployment = deploy({ ...prod, alarms: { emails: [], topicArn } });
  for (const { Properties } of Object.values(deployment.ofType('AWS::CloudWatch::Alarm'))) {
    expect(Properties['AlarmActions']).toEqual([{ Ref: deployment.only('AWS::SNS::Topic').id }, topicArn]);
  }
});
