import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';

const event = (method: string, change: Partial<APIGatewayProxyEventV2>): APIGatewayProxyEventV2 => ({
  version: '2.0',
  routeKey: `${method} /`,
  rawPath: '/',
  rawQueryString: '',
  headers: {},
  isBase64Encoded: false,
  requestContext: {
    accountId: '000000000000',
    apiId: 'test',
    domainName: 'localhost',
    domainPrefix: 'test',
    http: { method, path: '/', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' },
    requestId: 'request-1',
    routeKey: `${method} /`,
    stage: '$default',
    time: '',
    timeEpoch: 0,
  },
  ...change,
});

/** A POST with this body, as API Gateway sends it to a function; a string is sent as it is, anything else as JSON. */
export const post = (body: unknown, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  event('POST', { headers, body: typeof body === 'string' ? body : JSON.stringify(body) });

/** A GET with this query string. */
export const get = (rawQueryString: string) => event('GET', { rawQueryString });

/** The same request as the JWT authorizer lets it through: with the claims of its token. */
export const withClaims = (request: APIGatewayProxyEventV2, claims: Record<string, unknown>): APIGatewayProxyEventV2 => {
  const authorized = { ...request.requestContext, authorizer: { jwt: { claims, scopes: null }, principalId: '', integrationLatency: 0 } };
  return { ...request, requestContext: authorized };
};

/** The same request as the IAM authorizer lets it through: signed by this user or role. */
export const withSigner = (request: APIGatewayProxyEventV2, userArn: string): APIGatewayProxyEventV2 => {
  const authorized = { ...request.requestContext, authorizer: { iam: { userArn } } };
  return { ...request, requestContext: authorized };
};

/** A Lambda context. */
export const context: Context = {
  callbackWaitsForEmptyEventLoop: false,
  functionName: 'test',
  functionVersion: '1',
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:test',
  memoryLimitInMB: '256',
  awsRequestId: 'aws-1',
  logGroupName: '',
  logStreamName: '',
  getRemainingTimeInMillis: () => 10_000,
  done: () => undefined,
  fail: () => undefined,
  succeed: () => undefined,
};

type Handler = (event: never, context: Context) => Promise<APIGatewayProxyStructuredResultV2>;

/** Calls a handler and reads its answer. */
export async function call(handler: unknown, request: APIGatewayProxyEventV2): Promise<{ status: number; headers: Record<string, unknown>; body: unknown }> {
  const answer = await (handler as Handler)(request as never, context);
  return { status: answer.statusCode ?? 0, headers: answer.headers ?? {}, body: JSON.parse(answer.body ?? 'null') };
}

