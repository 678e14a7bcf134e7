import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { environments } from '../../lambda/config.ts';
import { deploy, deployments, functionNames, rendered, variablesOf, type Shape, type Value } from './deployment.ts';

describe.each(deployments)('%s', (_, stage) => {
  const deployment = deploy(stage);
  const lambdas = functionNames.map((name) => ({ name, ...deployment.lambda(name) }));
  const logGroupOf = ({ Properties }: { Properties: Shape }) => deployment.at((Properties['LoggingConfig'] as Shape)['LogGroup']);

  test('has the functions of the configuration, all of them', () => {
    expect(new Set(Object.keys(deployment.ofType('AWS::Lambda::Function')))).toEqual(new Set(lambdas.map(({ id }) => id)));
    expect(new Set<string>(functionNames)).toEqual(new Set(Object.keys(environments)));
  });

  test.each(lambdas)('$name runs on Node 24 and ARM, inside the network', ({ Properties }) => {
    expect(Properties).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'], Handler: 'index.handler' });
    const { SubnetIds } = Properties['VpcConfig'] as { SubnetIds: Value[] };
    expect(SubnetIds.length).toBeGreaterThan(1);
    for (const subnet of SubnetIds) expect(deployment.at(subnet).Properties['MapPublicIpOnLaunch']).toBe(false);
  });

  test.each(lambdas)('$name gets what its configuration asks for, and nothing else', ({ name, ...resource }) => {
    const values = Object.fromEntries(Object.entries(variablesOf(resource)).map(([key, value]) => [key, rendered(value)]));
    expect(v.safeParse(environments[name], values).issues).toBeUndefined();
    const own = Object.keys(values).filter((key) => !key.startsWith('POWERTOOLS_'));
    expect(new Set(own)).toEqual(new Set(Object.keys(environments[name].entries)));
    expect(values).toMatchObject({ POWERTOOLS_SERVICE_NAME: 'coupon-queue-test', POWERTOOLS_METRICS_NAMESPACE: 'CouponQueue' });
  });

  test.each(lambdas)('$name logs to a group of its own, kept as the stage says', (resource) => {
    const group = logGroupOf(resource);
    expect(group.Properties['RetentionInDays']).toBe(stage.logDays);
    expect(group.DeletionPolicy).toBe(stage.keepData ? 'Retain' : 'Delete');
    expect(lambdas.filter((other) => logGroupOf(other).id === group.id)).toHaveLength(1);
  });

  test.each(lambdas)('$name has no lines of Lambda for a call that went well', ({ Properties }) => {
    expect(Properties['LoggingConfig']).toMatchObject({ LogFormat: 'JSON', SystemLogLevel: 'WARN', ApplicationLogLevel: 'INFO' });
  });

  test('hands the pace of the stage to the loop and to the estimate', () => {
    const { batchSize, drainIntervalMs, maxInFlight, leaseMs } = stage.pace;
    const tempo = { BATCH_SIZE: String(batchSize), DRAIN_INTERVAL_MS: String(drainIntervalMs) };
    expect(variablesOf(deployment.lambda('status'))).toMatchObject(tempo);
    const loop = { ...tempo, MAX_IN_FLIGHT: String(maxInFlight), LEASE_MS: String(leaseMs) };
    expect(variablesOf(deployment.lambda('drain-loop'))).toMatchObject(loop);
  });
});
