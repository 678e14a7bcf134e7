import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readAssembly } from '../../local/assembly.ts';
import { Failure } from '../../local/failure.ts';
import { localEnvironment } from '../../local/replacements.ts';
import { readTemplate, type SystemModel } from '../../local/template.ts';
import { tinyTemplate, writeAssembly } from './tiny-assembly.ts';

type Properties = Record<string, unknown>;
const read = (template: object): SystemModel => readTemplate(readAssembly(writeAssembly(template)));

/** The tiny template with one property set, by the path `Id.Name.Inner`. */
function withProperty(path: string, value: unknown): object {
  const template = tinyTemplate();
  const [id = '', ...names] = path.split('.');
  let target = (template.Resources[id]!.Properties ??= {}) as Properties;
  for (const name of names.slice(0, -1)) target = target[name] as Properties;
  target[names.at(-1)!] = value;
  return template;
}

describe('what is deployed', () => {
  it('is read from the template', () => {
    const model = read(tinyTemplate());
    expect(model.routes).toEqual([{ method: 'POST', path: '/work', functionId: 'Front', timeoutMs: 30_000, admission: { kind: 'anyone' } }]);
    expect(model.cors).toBeUndefined();
    expect(model.functions.find(({ id }) => id === 'Front')).toMatchObject({ name: 'front', memoryMb: 256, timeoutMs: 5000 });
    expect(model.schedules).toEqual([
      { id: 'Rule', periodMs: 60_000, targets: [{ functionId: 'Clock', input: '{"shard":0}', waitMsMax: 60_000 }] },
    ]);
    expect(model.eventSources).toEqual([
      { queueId: 'Queue', functionId: 'Worker', batchSize: 10, concurrencyMax: 3, reportsItemFailures: true },
    ]);
    expect(model.queues.find(({ id }) => id === 'Queue')?.attributes).toEqual({
      VisibilityTimeout: '30',
      RedrivePolicy: '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:DeadQueue","maxReceiveCount":5}',
    });
  });

  it('takes CloudFormation defaults where the template is silent', () => {
    const template = tinyTemplate();
    delete template.Resources.Worker!.Properties!.MemorySize;
    delete template.Resources.Worker!.Properties!.Timeout;
    expect(read(template).functions.find(({ id }) => id === 'Worker')).toMatchObject({ memoryMb: 128, timeoutMs: 3000 });
  });

  it('leaves out a rule and an event source that are switched off', () => {
    expect(read(withProperty('Rule.State', 'DISABLED')).schedules).toEqual([]);
    expect(read(withProperty('Source.Enabled', false)).eventSources).toEqual([]);
  });

  it('calls functions that share a name by their logical ids', () => {
    const template = withProperty('Worker.Code', { S3Key: 'Clock.zip' });
    expect(read(template).functions.map(({ name }) => name)).toEqual(['front', 'Worker', 'Clock']);
  });
});

/** The tiny template with an authorizer of tokens before its route. */
function withAuthorizer(authorizer: Properties = {}, route: Properties = {}): object {
  const template = tinyTemplate();
  const properties = {
    ApiId: { Ref: 'Api' },
    AuthorizerType: 'JWT',
    IdentitySource: ['$request.header.Authorization'],
    JwtConfiguration: { Issuer: 'https://issuer.example.com', Audience: ['app'] },
    Name: 'Users',
  };
  template.Resources['Users'] = { Type: 'AWS::ApiGatewayV2::Authorizer', Properties: { ...properties, ...authorizer } };
  Object.assign(template.Resources['Route']!.Properties!, { AuthorizationType: 'JWT', AuthorizerId: { Ref: 'Users' }, AuthorizationScopes: ['queue/join'], ...route });
  return template;
}

describe('what a route asks of its caller', () => {
  const admissionOf = (template: object) => read(template).routes[0]?.admission;

  it('is read from the template', () => {
    expect(admissionOf(withProperty('Route.AuthorizationType', 'AWS_IAM'))).toEqual({ kind: 'signature' });
    expect(admissionOf(withProperty('Route.AuthorizationType', undefined))).toEqual({ kind: 'anyone' });
    expect(admissionOf(withAuthorizer())).toEqual({ kind: 'token', issuer: 'https://issuer.example.com', audience: ['app'], scopes: ['queue/join'] });
    expect(admissionOf(withAuthorizer({}, { AuthorizationScopes: undefined }))).toMatchObject({ kind: 'token', scopes: [] });
  });

  it.each<[string, object, RegExp]>([
    ['a Lambda authorizer', withAuthorizer({}, { AuthorizationType: 'CUSTOM' }), /NONE, JWT and AWS_IAM, not CUSTOM of Route/],
    ['a token without an authorizer', withAuthorizer({}, { AuthorizerId: undefined }), /text as AuthorizerId of Route/],
    ['an authorizer that is none', withAuthorizer({}, { AuthorizerId: { Ref: 'Queue' } }), /AuthorizerId of Route names no AWS::ApiGatewayV2::Authorizer/],
    ['an authorizer of requests', withAuthorizer({ AuthorizerType: 'REQUEST' }), /AuthorizerType of Users/],
    ['a token elsewhere', withAuthorizer({ IdentitySource: ['$request.querystring.token'] }), /IdentitySource of Users/],
    ['no issuer', withAuthorizer({ JwtConfiguration: { Audience: ['app'] } }), /wants an Issuer in Users/],
    ['an audience that is no list', withAuthorizer({ JwtConfiguration: { Issuer: 'https://i.example.com', Audience: 'app' } }), /list of texts as JwtConfiguration\.Audience of Users/],
    ['an authorizer that keeps answers', withAuthorizer({ AuthorizerResultTtlInSeconds: 300 }), /property AuthorizerResultTtlInSeconds of Users/],
  ])('stops the local run if it is %s', (_what, template, message) => {
    expect(() => read(template)).toThrow(message);
  });
});

/** The tiny template with every function called by an alias, as CDK writes it. */
function withAliases(): ReturnType<typeof tinyTemplate> {
  const template = tinyTemplate();
  for (const id of ['Front', 'Worker', 'Clock']) {
    template.Resources[`${id}Version`] = { Type: 'AWS::Lambda::Version', Properties: { FunctionName: { Ref: id } } };
    const version = { 'Fn::GetAtt': [`${id}Version`, 'Version'] };
    template.Resources[`${id}Live`] = { Type: 'AWS::Lambda::Alias', Properties: { FunctionName: { Ref: id }, FunctionVersion: version, Name: 'live' } };
  }
  const partOf = (alias: string, index: number) => ({ 'Fn::Select': [index, { 'Fn::Split': [':', { Ref: alias }] }] });
  const { Integration, Source, NoRetries, Rule } = template.Resources;
  Integration!.Properties!.IntegrationUri = { Ref: 'FrontLive' };
  Source!.Properties!.FunctionName = { 'Fn::Join': ['', [partOf('WorkerLive', 6), ':live']] };
  NoRetries!.Properties!.Qualifier = partOf('ClockLive', 7);
  (Rule!.Properties!.Targets as Properties[])[0]!.Arn = { Ref: 'ClockLive' };
  return template;
}

describe('an alias', () => {
  it('leads to its function', () => {
    const { routes, eventSources, schedules } = read(withAliases());
    const called = [routes, eventSources, schedules.flatMap(({ targets }) => targets)].map(([each]) => each?.functionId);
    expect(called).toEqual(['Front', 'Worker', 'Clock']);
  });

  it.each<[string, (template: ReturnType<typeof tinyTemplate>) => void, RegExp]>([
    ['is not in the template', ({ Resources }) => (Resources.Source!.Properties!.FunctionName = 'Worker:old'), /FunctionName of Source names no AWS::Lambda::Function/],
    ['leads to the code of another function', ({ Resources }) => (Resources.FrontVersion!.Properties!.FunctionName = { Ref: 'Clock' }), /FrontLive leads to a version of another function than Front/],
    ['leads to a version that is not in the template', ({ Resources }) => (Resources.FrontLive!.Properties!.FunctionVersion = '7'), /FunctionVersion of FrontLive names no AWS::Lambda::Version/],
    ['gets an event again that failed', ({ Resources }) => (Resources.NoRetries!.Properties!.Qualifier = '$LATEST'), /Clock \(live\) has 2 retries/],
    ['shares its calls between versions', ({ Resources }) => (Resources.FrontLive!.Properties!.RoutingConfig = {}), /property RoutingConfig of FrontLive/],
  ])('stops the local run if it %s', (_what, spoil, message) => {
    const template = withAliases();
    spoil(template);
    expect(() => read(template)).toThrow(message);
  });
});

describe('the web pages that may call', () => {
  it('are read from the template', () => {
    const cors = { AllowOrigins: ['https://shop.example.com'], AllowMethods: ['GET'], AllowHeaders: ['authorization'], MaxAge: 60 };
    expect(read(withProperty('Api.CorsConfiguration', cors)).cors).toEqual({
      origins: ['https://shop.example.com'],
      methods: ['GET'],
      headers: ['authorization'],
      exposedHeaders: [],
      maxAgeSeconds: 60,
    });
  });

  it('are listed one by one', () => {
    expect(() => read(withProperty('Api.CorsConfiguration', { AllowOrigins: ['https://*'] }))).toThrow(/only exact AllowOrigins, not https:\/\/\* of Api/);
  });
});

describe('the environment of a function', () => {
  const endpoints = {
    redisUrl: 'redis://127.0.0.1:7000',
    redisMode: 'single' as const,
    sqsEndpoint: 'http://127.0.0.1:9000',
    queueIds: ['Queue', 'DeadQueue'],
  };
  const environmentOf = (template: object): Record<string, string> =>
    localEnvironment(read(template).functions.find(({ id }) => id === 'Front')!, endpoints);

  it('leads to this machine instead of AWS', () => {
    expect(environmentOf(tinyTemplate())).toMatchObject({
      REDIS_URL: 'redis://127.0.0.1:7000',
      REDIS_MODE: 'single',
      REDIS_AUTH: 'none',
      QUEUE_URL: 'http://127.0.0.1:9000/000000000000/Queue',
      AWS_ACCESS_KEY_ID: 'local',
    });
  });

  it.each([
    ['another Redis', 'Front.Environment.Variables.REDIS_URL', 'rediss://elsewhere:6379', /REDIS_URL of front does not lead/],
    ['a Redis without TLS', 'Front.Environment.Variables.REDIS_URL', { 'Fn::Sub': 'redis://${Redis.ConfigurationEndPoint.Address}:6379' }, /can't replace redis:/],
    ['a queue inside another text', 'Front.Environment.Variables.QUEUE_URL', { 'Fn::Sub': 'x${Queue}' }, /can't replace .* in QUEUE_URL of front/],
  ])('is refused when it names %s', (_what, path, value, message) => {
    expect(() => environmentOf(withProperty(path, value))).toThrow(message);
  });

  it('resolves Fn::Sub with pseudo parameters, attributes, given names and literals', () => {
    const value = { 'Fn::Sub': ['${AWS::Region}/${Worker.Arn}/${given}/${!kept}', { given: { Ref: 'Clock' } }] };
    const { functions } = read(withProperty('Worker.Environment.Variables.TEXT', value));
    expect(functions.find(({ id }) => id === 'Worker')?.environment.TEXT).toBe(
      'us-east-1/arn:aws:lambda:us-east-1:000000000000:function:Worker/Clock/${kept}',
    );
  });
});

describe('what the local run does not know stops it with a sentence that names it', () => {
  it.each([
    ['a type', { ...tinyTemplate(), Resources: { Table: { Type: 'AWS::DynamoDB::Table' } } }, /type AWS::DynamoDB::Table of Table/],
    ['a section', { ...tinyTemplate(), Conditions: {} }, /section Conditions/],
    ['a transform', { ...tinyTemplate(), Transform: 'AWS::Serverless-2016-10-31' }, /section Transform/],
    ['a property', withProperty('Queue.FifoQueue', true), /property FifoQueue of Queue \(AWS::SQS::Queue\)/],
    ['a nested property', withProperty('Front.Code.ZipFile', 'x'), /property Code\.ZipFile of Front/],
    ['a property of a list', withProperty('Rule.Targets', [{ SqsParameters: {} }]), /property Targets\[\]\.SqsParameters of Rule/],
    ['a list in place of an object', withProperty('Front.Code', [{}]), /property Code of Front/],
    ['an object in place of a list', withProperty('Rule.Targets', { Arn: 'x' }), /property Targets of Rule/],
    ['CORS with credentials', withProperty('Api.CorsConfiguration', { AllowCredentials: true }), /property CorsConfiguration\.AllowCredentials of Api/],
    ['a batching window', withProperty('Source.MaximumBatchingWindowInSeconds', 1), /MaximumBatchingWindowInSeconds of Source/],
    ['a filter', withProperty('Source.FilterCriteria', {}), /property FilterCriteria of Source/],
    ['layers', withProperty('Front.Layers', ['x']), /property Layers of Front/],
    ['a large batch', withProperty('Source.BatchSize', 100), /the 100 of Source/],
    ['another response type', withProperty('Source.FunctionResponseTypes', ['Other']), /FunctionResponseTypes of Source/],
    ['another runtime', withProperty('Front.Runtime', 'nodejs20.x'), /"nodejs24.x" as Runtime of Front .* not "nodejs20.x"/],
    ['a default route', withProperty('Route.RouteKey', '$default'), /the route \$default of Route/],
    ['a path parameter', withProperty('Route.RouteKey', 'GET /a/{id}'), /the route GET \/a\/{id}/],
    ['payload format 1.0', withProperty('Integration.PayloadFormatVersion', '1.0'), /PayloadFormatVersion of Integration/],
    ['a named stage', withProperty('Stage.StageName', 'prod'), /StageName of Stage/],
    ['a cron rule', withProperty('Rule.ScheduleExpression', 'cron(0 * * * ? *)'), /not cron.* of Rule/],
    ['a pattern rule', withProperty('Rule.EventPattern', {}), /property EventPattern of Rule/],
    ['retries of a target', withProperty('Rule.Targets', [{ Arn: { 'Fn::GetAtt': ['Clock', 'Arn'] }, Input: '{}' }]), /without retries/],
    ['retries of a function', withProperty('NoRetries.MaximumRetryAttempts', 2), /MaximumRetryAttempts of NoRetries/],
    ['retries by default', withProperty('NoRetries.FunctionName', { Ref: 'Worker' }), /Clock \(\$LATEST\) has 2 retries/],
    ['a missing bundle', withProperty('Front.Code', { S3Key: 'gone.zip' }), /code of Front is not in the cloud assembly/],
    ['a missing handler', withProperty('Front.Handler', 'other.handler'), /no file for its handler other\.handler/],
    ['an intrinsic', withProperty('Front.Handler', { 'Fn::FindInMap': ['a', 'b', 'c'] }), /Fn::FindInMap in Front\.Handler/],
    ['a reference to nothing', withProperty('Front.Handler', { Ref: 'Nowhere' }), /Ref Nowhere in Front\.Handler/],
    ['an attribute', withProperty('Front.Handler', { 'Fn::GetAtt': ['Queue', 'Colour'] }), /Queue\.Colour \(AWS::SQS::Queue\)/],
    ['a foreign queue', withProperty('Source.EventSourceArn', 'arn:aws:sqs:us-east-1:1:x'), /EventSourceArn of Source names no/],
    ['a timeout that is no number', withProperty('Front.Timeout', 'soon'), /number as Timeout of Front/],
  ])('%s', (_what, template, message) => {
    const reading = (): unknown => read(template);
    expect(reading).toThrow(message);
    expect(reading).toThrow(Failure);
  });

  it('a resource under a condition', () => {
    const template = tinyTemplate();
    Object.assign(template.Resources.Front!, { Condition: 'Sometimes' });
    expect(() => read(template)).toThrow(/attribute Condition of Front/);
  });

  it('a resource named like a part of every object', () => {
    expect(() => read(withProperty('Front.Handler', { Ref: 'constructor' }))).toThrow(/Ref constructor/);
    expect(() => read(withProperty('Front.Handler', { 'Fn::GetAtt': ['Queue', 'constructor'] }))).toThrow(/Queue\.constructor/);
    expect(() => read({ Resources: { Odd: { Type: 'constructor' } } })).toThrow(/type constructor of Odd/);
  });
});

describe('an assembly', () => {
  it('that is incomplete is refused', () => {
    const dir = writeAssembly(tinyTemplate());
    rmSync(join(dir, 'tiny.template.json'));
    expect(() => readAssembly(dir)).toThrow(/lacks .*tiny\.template\.json/);
  });
});
