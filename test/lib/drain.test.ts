import { describe, expect, test } from 'vitest';
import { callersOf, deploy, deployments, rendered, target, type Shape } from './deployment.ts';

/** Two starts of a one-minute rule may lie this far apart, as each comes somewhere within its minute. */
const START_GAP_SECONDS_MAX = 119;

describe.each(deployments)('%s', (_, stage) => {
  const deployment = deploy(stage);
  const loop = deployment.lambda('drain-loop');
  const rule = deployment.only('AWS::Events::Rule');
  const targets = rule.Properties['Targets'] as Shape[];

  test('starts the loop every minute, once for each shard', () => {
    expect(rule.Properties).toMatchObject({ ScheduleExpression: 'rate(1 minute)', State: 'ENABLED' });
    const inputs = targets.map((each) => JSON.parse(rendered(each['Input'])) as unknown);
    expect(inputs).toEqual(Array.from({ length: stage.shards }, (_, shard) => ({ shard, shards: stage.shards })));
    expect(targets.map((each) => deployment.called(each['Arn']))).toEqual(targets.map(() => loop.id));
  });

  test('lets EventBridge call the loop, for this rule and nobody else', () => {
    expect(callersOf(deployment, 'drain-loop')).toEqual([{ principal: 'events.amazonaws.com', source: rendered({ 'Fn::GetAtt': [rule.id, 'Arn'] }) }]);
  });

  test('does not start the loop again when a start fails', () => {
    for (const each of targets) expect(each['RetryPolicy']).toEqual({ MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0 });
    const invoke = deployment.only('AWS::Lambda::EventInvokeConfig');
    expect(target(invoke.Properties['FunctionName'])).toBe(loop.id);
    expect(deployment.called(invoke.Properties['Qualifier'])).toBe(loop.id);
    expect(invoke.Properties).toMatchObject({ MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0 });
  });

  test('lets a run live past the next start', () => {
    expect(loop.Properties['Timeout']).toBeGreaterThan(START_GAP_SECONDS_MAX);
  });
});
