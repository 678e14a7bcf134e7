import { Failure } from './failure.ts';
import type { TemplateReader } from './template.ts';

/** What a route asks of its caller before its function is called. */
export type Admission =
  | { kind: 'anyone' }
  | { kind: 'token'; issuer: string; audience: readonly string[]; scopes: readonly string[] }
  | { kind: 'signature' };

export interface RouteModel {
  method: string;
  path: string;
  functionId: string;
  timeoutMs: number;
  admission: Admission;
}

/** From which web pages an API may be called, and how. */
export interface CorsModel {
  origins: readonly string[];
  methods: readonly string[];
  headers: readonly string[];
  exposedHeaders: readonly string[];
  maxAgeSeconds: number | undefined;
}

const DEFAULT_INTEGRATION_TIMEOUT_MS = 30_000;

/**
 * Reads the routes of the template's HTTP API.
 * @throws Failure that names what the local run does not know
 */
export function readRoutes(reader: TemplateReader): RouteModel[] {
  for (const [id] of reader.all('AWS::ApiGatewayV2::Api')) reader.only(id, 'ProtocolType', 'HTTP');
  if (reader.all('AWS::ApiGatewayV2::Api').length > 1) throw new Failure('The local run knows only one HTTP API: merge them.');
  for (const [id] of reader.all('AWS::ApiGatewayV2::Stage')) {
    reader.only(id, 'StageName', '$default');
    reader.only(id, 'AutoDeploy', true);
  }
  for (const [id] of reader.all('AWS::ApiGatewayV2::Integration')) {
    reader.only(id, 'IntegrationType', 'AWS_PROXY');
    reader.only(id, 'PayloadFormatVersion', '2.0');
  }
  return reader.all('AWS::ApiGatewayV2::Route').map(([id]) => readRoute(id, reader));
}

/**
 * Reads which web pages may call the template's HTTP API; `undefined` if none may.
 * @throws Failure that names what the local run does not know
 */
export function readCors(reader: TemplateReader): CorsModel | undefined {
  const [api] = reader.all('AWS::ApiGatewayV2::Api');
  const cors = api === undefined ? undefined : reader.property(api[0], 'CorsConfiguration');
  if (api === undefined || cors === undefined) return undefined;
  const { AllowOrigins, AllowMethods, AllowHeaders, ExposeHeaders, MaxAge } = cors as Record<string, unknown>;
  const origins = texts(api[0], 'AllowOrigins', AllowOrigins);
  const pattern = origins.find((origin) => origin.includes('*'));
  if (pattern !== undefined) throw new Failure(`The local run knows only exact AllowOrigins, not ${pattern} of ${api[0]}: list them.`);
  return {
    origins,
    methods: texts(api[0], 'AllowMethods', AllowMethods),
    headers: texts(api[0], 'AllowHeaders', AllowHeaders),
    exposedHeaders: texts(api[0], 'ExposeHeaders', ExposeHeaders),
    maxAgeSeconds: typeof MaxAge === 'number' ? MaxAge : undefined,
  };
}

function readRoute(id: string, reader: TemplateReader): RouteModel {
  const key = reader.text(id, 'RouteKey');
  const [, method, path] = /^(GET|POST|PUT|PATCH|DELETE) (\/[^{}]*)$/.exec(key) ?? [];
  if (method === undefined || path === undefined) {
    throw new Failure(`The local run knows only plain methods and paths, not the route ${key} of ${id}: change the stack.`);
  }
  const integration = /^integrations\/(.+)$/.exec(reader.text(id, 'Target'))?.[1] ?? '';
  const integrationId = reader.target(id, 'Target', integration, 'AWS::ApiGatewayV2::Integration', String);
  return {
    method,
    path,
    functionId: reader.functionOf(integrationId, 'IntegrationUri'),
    timeoutMs: reader.number(integrationId, 'TimeoutInMillis', DEFAULT_INTEGRATION_TIMEOUT_MS),
    admission: readAdmission(id, reader),
  };
}

function readAdmission(id: string, reader: TemplateReader): Admission {
  const type = reader.property(id, 'AuthorizationType') ?? 'NONE';
  if (type === 'NONE') return { kind: 'anyone' };
  if (type === 'AWS_IAM') return { kind: 'signature' };
  if (type !== 'JWT') {
    throw new Failure(`The local run knows the AuthorizationType NONE, JWT and AWS_IAM, not ${typeof type === 'string' ? type : JSON.stringify(type)} of ${id}: change the stack.`);
  }
  const authorizer = reader.target(id, 'AuthorizerId', reader.text(id, 'AuthorizerId'), 'AWS::ApiGatewayV2::Authorizer', String);
  reader.only(authorizer, 'AuthorizerType', 'JWT');
  reader.only(authorizer, 'IdentitySource', ['$request.header.Authorization']);
  const { Issuer, Audience } = (reader.property(authorizer, 'JwtConfiguration') ?? {}) as { Issuer?: unknown; Audience?: unknown };
  if (typeof Issuer !== 'string' || Issuer === '') throw new Failure(`The local run wants an Issuer in ${authorizer}: mend the template.`);
  return {
    kind: 'token',
    issuer: Issuer,
    audience: texts(authorizer, 'JwtConfiguration.Audience', Audience),
    scopes: texts(id, 'AuthorizationScopes', reader.property(id, 'AuthorizationScopes')),
  };
}

function texts(id: string, name: string, value: unknown): string[] {
  const list = value ?? [];
  if (Array.isArray(list) && list.every((entry) => typeof entry === 'string')) return list;
  throw new Failure(`The local run wants a list of texts as ${name} of ${id}: mend the template.`);
}
