import { describe, expect, test } from 'vitest';
import { callersOf, deploy, deployments, rendered, target, type Shape, type Value } from './deployment.ts';

/** Seconds that an operation may take before its caller is told that Redis is away. */
const OPERATION_DEADLINE_SECONDS = 2.5;

const routes = [
  ['join', 'POST /api/coupon/queue/join'],
  ['status', 'GET /api/coupon/queue/status'],
  ['init-stock', 'POST /api/coupon/queue/init-stock'],
  ['info', 'GET /api/coupon/queue/info'],
  ['control', 'POST /api/coupon/queue/control'],
] as const;

describe.each(deployments)('%s', (_, stage) => {
  const deployment = deploy(stage);
  const targets = new Map(
    Object.values(deployment.ofType('AWS::ApiGatewayV2::Route')).map(({ Properties }) => [rendered(Properties['RouteKey']), Properties['Target']]),
  );

  test('has these routes, and no default one', () => {
    expect(new Set(targets.keys())).toEqual(new Set(routes.map(([, key]) => key)));
  });

  test.each(routes)('%s is reached by %s alone', (name, key) => {
    const [, parts] = (targets.get(key) as Shape)['Fn::Join'] as [string, Value[]];
    const integration = deployment.at(parts[1]);
    expect(integration.Properties).toMatchObject({ IntegrationType: 'AWS_PROXY', PayloadFormatVersion: '2.0' });
    expect(target(integration.Properties['IntegrationUri'])).toBe(deployment.lambda(name).id);
    const [, path] = key.split(' ');
    expect(callersOf(deployment, name)).toEqual([{ principal: 'apigateway.amazonaws.com', source: expect.stringMatching(`:[^:]+${path}$`) }]);
  });

  test.each(routes)('%s has time to answer that Redis is away', (name) => {
    expect(deployment.lambda(name).Properties['Timeout']).toBeGreaterThan(2 * OPERATION_DEADLINE_SECONDS);
  });

  test('is deployed as a whole, at its root', () => {
    expect(deployment.only('AWS::ApiGatewayV2::Stage').Properties).toMatchObject({ StageName: '$default', AutoDeploy: true });
  });
});
