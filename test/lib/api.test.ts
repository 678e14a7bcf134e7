import { describe, expect, test } from 'vitest';
import { stages } from '../../lib/stages.ts';
import { callersOf, deploy, deployments, prod, rendered, statementsOf, variablesOf, type Shape, type Value } from './deployment.ts';

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
    expect(deployment.called(integration.Properties['IntegrationUri'])).toBe(deployment.lambda(name).id);
    const [, path] = key.split(' ');
    expect(callersOf(deployment, name)).toEqual([{ principal: 'apigateway.amazonaws.com', source: expect.stringMatching(`:[^:]+${path}$`) }]);
  });

  test.each(routes)('%s has time to answer that Redis is away', (name) => {
    expect(deployment.lambda(name).Properties['Timeout']).toBeGreaterThan(2 * OPERATION_DEADLINE_SECONDS);
  });

  test('is deployed as a whole, at its root', () => {
    expect(deployment.only('AWS::ApiGatewayV2::Stage').Properties).toMatchObject({ StageName: '$default', AutoDeploy: true });
  });

  test('lets each route take what the stage says, once the route is there', () => {
    const { Properties, DependsOn } = deployment.only('AWS::ApiGatewayV2::Stage');
    const settings = routes.map(([name, key]) => [key, { ThrottlingRateLimit: stage.throttles[name].requestsPerSecond, ThrottlingBurstLimit: stage.throttles[name].burst }]);
    expect(Properties['RouteSettings']).toEqual(Object.fromEntries(settings));
    expect(DependsOn).toEqual(expect.arrayContaining(Object.keys(deployment.ofType('AWS::ApiGatewayV2::Route'))));
  });

  test('takes no more in all than an account may by default', () => {
    const total = (of: 'requestsPerSecond' | 'burst') => Object.values(stage.throttles).reduce((sum, throttle) => sum + throttle[of], 0);
    expect(total('requestsPerSecond')).toBeLessThanOrEqual(10_000);
    expect(total('burst')).toBeLessThanOrEqual(5000);
  });

  test('logs each request as JSON, kept as long as other logs, and no token, path, query or claim of it', () => {
    const { DestinationArn, Format } = deployment.only('AWS::ApiGatewayV2::Stage').Properties['AccessLogSettings'] as Shape;
    const log = deployment.at(DestinationArn);
    expect(log.Properties).toEqual({ RetentionInDays: stage.logDays });
    expect(log.DeletionPolicy).toBe(stage.keepData ? 'Retain' : 'Delete');
    const fields = JSON.parse(Format as string) as Record<string, string>;
    expect(Object.values(fields)).toEqual(expect.arrayContaining(['$context.requestId', '$context.routeKey', '$context.status', '$context.responseLatency', '$context.integrationErrorMessage', '$context.identity.sourceIp', '$context.authorizer.error']));
    // What comes after it can't be put in by who sends it.
    expect(Object.values(fields)[0]).toBe('$context.identity.userAgent');
    expect(Object.values(fields).filter((variable) => !/^\$context\.[A-Za-z.]+$/.test(variable) || /path|query|header|claims|authorizer\.(?!error)/i.test(variable))).toEqual([]);
  });

  test('may be called by no web page', () => {
    expect(deployment.only('AWS::ApiGatewayV2::Api').Properties['CorsConfiguration']).toBeUndefined();
  });
});

/** What the routes of a deployment ask of their callers, by name. */
function admissions(deployment: ReturnType<typeof deploy>) {
  const byKey = new Map(Object.values(deployment.ofType('AWS::ApiGatewayV2::Route')).map(({ Properties }) => [rendered(Properties['RouteKey']), Properties]));
  return Object.fromEntries(routes.map(([name, key]) => [name, byKey.get(key) as Shape]));
}

describe('a stage that is closed', () => {
  const deployment = deploy(prod);
  const asked = admissions(deployment);
  const { issuer, audience, scopes } = prod.auth as Exclude<typeof prod.auth, 'none'>;

  test.each(['join', 'status'] as const)('%s takes tokens of the issuer, for the audience, with its own scope', (name) => {
    expect(asked[name]).toMatchObject({ AuthorizationType: 'JWT', AuthorizationScopes: [scopes[name]] });
    expect(deployment.at(asked[name]!['AuthorizerId']).Properties).toMatchObject({
      AuthorizerType: 'JWT',
      IdentitySource: ['$request.header.Authorization'],
      JwtConfiguration: { Issuer: issuer, Audience: audience },
    });
  });

  test.each(['join', 'status'] as const)('%s takes the user from the token and from nowhere else', (name) => {
    expect(variablesOf(deployment.lambda(name))).toMatchObject({ USER_FROM: 'token' });
  });

  const operators = ['init-stock', 'info', 'control'];
  test.each(operators)('%s takes IAM credentials', (name) => {
    expect(asked[name]).toMatchObject({ AuthorizationType: 'AWS_IAM' });
  });

  test('who has the policy of operators may call their routes and no other', () => {
    const [statement, ...more] = statementsOf(deployment.only('AWS::IAM::ManagedPolicy'));
    expect(more).toEqual([]);
    expect(statement).toMatchObject({ Effect: 'Allow', Action: 'execute-api:Invoke' });
    const keys = new Map<string, string>(routes);
    const allowed = operators.map((name) => `/$default/${keys.get(name)?.replace(' ', '')}`);
    const resources = (statement!['Resource'] as Value[]).map((value) => rendered(value));
    expect(resources.map((resource) => resource.slice(resource.indexOf('/'))).toSorted()).toEqual(allowed.toSorted());
    expect(new Set(resources.map((resource) => resource.slice(0, resource.indexOf('/'))))).toEqual(
      new Set([`arn:AWS::Partition:execute-api:AWS::Region:AWS::AccountId:${deployment.only('AWS::ApiGatewayV2::Api').id}`]),
    );
  });

  test('may let in the web pages that it lists', () => {
    const open = deploy({ ...prod, corsOrigins: ['https://shop.example.com'] });
    expect(open.only('AWS::ApiGatewayV2::Api').Properties['CorsConfiguration']).toMatchObject({
      AllowOrigins: ['https://shop.example.com'],
      AllowMethods: ['GET', 'POST'],
      AllowHeaders: ['authorization', 'content-type'],
    });
  });
});

test('dev, which is open, has no authorizer, and no policy for who may call', () => {
  const deployment = deploy(stages.dev);
  expect(Object.values(admissions(deployment)).map((properties) => properties['AuthorizationType'])).toEqual(routes.map(() => 'NONE'));
  for (const name of ['join', 'status'] as const) expect(variablesOf(deployment.lambda(name))).toMatchObject({ USER_FROM: 'request' });
  expect([deployment.ofType('AWS::ApiGatewayV2::Authorizer'), deployment.ofType('AWS::IAM::ManagedPolicy')]).toEqual([{}, {}]);
});
