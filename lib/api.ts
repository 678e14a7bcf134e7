import { ArnFormat, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import * as apigateway from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer, HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { FunctionName } from '../lambda/config.ts';
import { acknowledge } from './acknowledged.ts';
import type { Stage } from './stages.ts';

/** Every route ends in the name of its function. */
export const routes = {
  join: apigateway.HttpMethod.POST,
  status: apigateway.HttpMethod.GET,
  'init-stock': apigateway.HttpMethod.POST,
  info: apigateway.HttpMethod.GET,
  control: apigateway.HttpMethod.POST,
} as const satisfies Partial<Record<FunctionName, apigateway.HttpMethod>>;

export type RouteName = keyof typeof routes;

const routeNames = Object.keys(routes) as RouteName[];
const pathOf = (name: RouteName): string => `/api/coupon/queue/${name}`;

/** How long a browser may go on without asking again whether it may call. */
const PREFLIGHT_HOURS = 1;

/**
 * What is kept of each request. Neither the query, which names users, nor any header that holds a token or a signature.
 * The user agent is the only text of the caller's own in it, and API Gateway is not known to escape quotes: it stands first, so that nothing
 * that is made up in it can take the place of a field, of which the last one counts.
 */
const ACCESS_LOG = {
  userAgent: '$context.identity.userAgent',
  ip: '$context.identity.sourceIp',
  requestId: '$context.requestId',
  functionRequestId: '$context.integration.requestId',
  timeEpochMs: '$context.requestTimeEpoch',
  routeKey: '$context.routeKey',
  status: '$context.status',
  latencyMs: '$context.responseLatency',
  integrationLatencyMs: '$context.integrationLatency',
  integrationError: '$context.integrationErrorMessage',
  authorizerError: '$context.authorizer.error',
  gatewayError: '$context.error.message',
};

type Access = Pick<Stage, 'auth' | 'corsOrigins' | 'throttles' | 'logDays' | 'keepData'>;

/** The HTTP API: these routes and no default one, so that anything else is answered by API Gateway itself. */
export class Api extends Construct {
  readonly url: string;
  readonly id: string;
  /** A line of JSON per request. */
  readonly accessLog: logs.LogGroup;
  /** Whoever has this policy may call the operator's routes; none where anyone may. */
  readonly operators: iam.ManagedPolicy | undefined;

  constructor(scope: Construct, id: string, functions: Record<RouteName, lambda.IFunction>, access: Access) {
    super(scope, id);
    const api = new apigateway.HttpApi(this, 'HttpApi', { createDefaultStage: false, corsPreflight: preflight(access.corsOrigins) });
    const admission = admissionBy(access.auth);
    const added = routeNames.flatMap((name) =>
      api.addRoutes({
        path: pathOf(name),
        methods: [routes[name]],
        integration: new HttpLambdaIntegration(name, functions[name]),
        ...admission(name),
      }),
    );
    if (access.auth === 'none') for (const route of added) acknowledge(route, 'AwsSolutions-APIG4');
    this.accessLog = new logs.LogGroup(this, 'AccessLog', {
      retention: access.logDays,
      removalPolicy: access.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    const stage = new apigateway.HttpStage(api, 'DefaultStage', {
      httpApi: api,
      stageName: '$default',
      autoDeploy: true,
      accessLogSettings: {
        destination: new apigateway.LogGroupLogDestination(this.accessLog),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
      },
    });
    throttle(stage, added, access.throttles);
    this.id = api.apiId;
    this.url = api.apiEndpoint;
    this.operators = access.auth === 'none' ? undefined : this.#operatorPolicy(api, access.auth.scopes);
  }

  #operatorPolicy(api: apigateway.HttpApi, scopes: object): iam.ManagedPolicy {
    const resources = routeNames
      .filter((name) => !Object.hasOwn(scopes, name))
      .map((name) =>
        Stack.of(this).formatArn({
          service: 'execute-api',
          resource: api.apiId,
          arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
          resourceName: `$default/${routes[name]}${pathOf(name)}`,
        }),
      );
    return new iam.ManagedPolicy(this, 'Operators', {
      description: 'May open, watch and steer promotions of the coupon queue through its API',
      statements: [new iam.PolicyStatement({ actions: ['execute-api:Invoke'], resources })],
    });
  }
}

/** What each route asks of its caller: a token with the route's scope, or where there is none IAM credentials. */
function admissionBy(auth: Stage['auth']): (name: RouteName) => Pick<apigateway.AddRoutesOptions, 'authorizer' | 'authorizationScopes'> {
  if (auth === 'none') return () => ({});
  const users = new HttpJwtAuthorizer('Users', auth.issuer, { jwtAudience: [...auth.audience] });
  const operators = new HttpIamAuthorizer();
  const scopes = new Map(Object.entries(auth.scopes));
  return (name) => {
    const scope = scopes.get(name);
    return scope === undefined ? { authorizer: operators } : { authorizer: users, authorizationScopes: [scope] };
  };
}

function preflight(origins: readonly string[]): apigateway.CorsPreflightOptions | undefined {
  if (origins.length === 0) return undefined;
  return {
    allowOrigins: [...origins],
    allowMethods: [apigateway.CorsHttpMethod.GET, apigateway.CorsHttpMethod.POST],
    allowHeaders: ['authorization', 'content-type'],
    exposeHeaders: ['apigw-requestid', 'retry-after'],
    maxAge: Duration.hours(PREFLIGHT_HOURS),
  };
}

/** CDK knows throttles of whole stages only. API Gateway refuses settings of a route that is not there yet. */
function throttle(stage: apigateway.HttpStage, added: readonly apigateway.HttpRoute[], throttles: Stage['throttles']): void {
  const resource = stage.node.defaultChild as apigateway.CfnStage;
  resource.routeSettings = Object.fromEntries(
    routeNames.map((name) => {
      const { requestsPerSecond, burst } = throttles[name];
      return [`${routes[name]} ${pathOf(name)}`, { ThrottlingRateLimit: requestsPerSecond, ThrottlingBurstLimit: burst }];
    }),
  );
  for (const route of added) resource.addResourceDependency(route.node.defaultChild as apigateway.CfnRoute);
}
