import * as apigateway from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { FunctionName } from '../lambda/config.ts';

/** Every route ends in the name of its function. */
export const routes = {
  join: apigateway.HttpMethod.POST,
  status: apigateway.HttpMethod.GET,
  'init-stock': apigateway.HttpMethod.POST,
  info: apigateway.HttpMethod.GET,
  control: apigateway.HttpMethod.POST,
} as const satisfies Partial<Record<FunctionName, apigateway.HttpMethod>>;

export type RouteName = keyof typeof routes;

/** The HTTP API: these routes and no default one, so that anything else is answered by API Gateway itself. */
export class Api extends Construct {
  readonly url: string;

  constructor(scope: Construct, id: string, functions: Record<RouteName, lambda.Function>) {
    super(scope, id);
    const api = new apigateway.HttpApi(this, 'HttpApi');
    for (const [name, method] of Object.entries(routes)) {
      api.addRoutes({
        path: `/api/coupon/queue/${name}`,
        methods: [method],
        integration: new HttpLambdaIntegration(name, functions[name as RouteName]),
      });
    }
    this.url = api.apiEndpoint;
  }
}
