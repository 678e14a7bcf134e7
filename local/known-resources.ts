import { Failure } from './failure.ts';

/** A resource as CloudFormation writes it. */
export interface Resource {
  Type: string;
  Properties?: Record<string, unknown>;
}

/** What the local run does with a resource type's properties; nested ones are written as `Targets[].Input`. */
interface KnownProperties {
  run: readonly string[];
  ignored: Readonly<Record<string, string>>;
}

const WHAT_TO_DO = ': teach it in local/known-resources.ts, or leave it out of the stack.';

const NO_IAM = 'there is no IAM on one machine';
const NO_NETWORK = 'everything runs on the loopback interface';
const NO_CLOUDWATCH = 'nobody watches a local run';
const REPLACED_REDIS = 'a redis-server on this machine stands in for it';

/**
 * Everything that the template may say. A type maps to its properties, or to the reason why the local run does without it.
 * What is not listed here stops the local run, so that it cannot silently differ from what is deployed.
 */
const KNOWN_RESOURCES: Readonly<Record<string, KnownProperties | string>> = {
  'AWS::Lambda::Function': {
    run: ['Code.S3Key', 'Handler', 'Environment.Variables', 'MemorySize', 'Timeout', 'Runtime'],
    ignored: {
      'Code.S3Bucket': 'the bundle is read from the cloud assembly',
      Architectures: 'this machine has its own',
      Role: NO_IAM,
      VpcConfig: NO_NETWORK,
      LoggingConfig: 'the log goes to a file',
      Description: 'words',
      Tags: 'words',
      TracingConfig: 'there is no X-Ray on one machine',
      ReservedConcurrentExecutions: 'the pools of one machine are smaller',
    },
  },
  'AWS::Lambda::EventSourceMapping': {
    run: ['BatchSize', 'EventSourceArn', 'FunctionName', 'FunctionResponseTypes', 'ScalingConfig.MaximumConcurrency', 'Enabled'],
    ignored: { Tags: 'words' },
  },
  'AWS::Lambda::EventInvokeConfig': {
    run: ['FunctionName', 'MaximumRetryAttempts', 'Qualifier'],
    ignored: { MaximumEventAgeInSeconds: 'an event starts at once or waits at most as long as its rule lets it' },
  },
  'AWS::Lambda::Version': { run: ['FunctionName'], ignored: { Description: 'words' } },
  'AWS::Lambda::Alias': { run: ['FunctionName', 'FunctionVersion', 'Name'], ignored: { Description: 'words' } },
  'AWS::Lambda::Permission': NO_IAM,
  'AWS::ApiGatewayV2::Api': {
    run: [
      'ProtocolType',
      'CorsConfiguration.AllowOrigins',
      'CorsConfiguration.AllowMethods',
      'CorsConfiguration.AllowHeaders',
      'CorsConfiguration.ExposeHeaders',
      'CorsConfiguration.MaxAge',
    ],
    ignored: { Name: 'words', Description: 'words', Tags: 'words', DisableExecuteApiEndpoint: 'there is one address' },
  },
  'AWS::ApiGatewayV2::Stage': {
    run: ['ApiId', 'AutoDeploy', 'StageName'],
    ignored: {
      Tags: 'words',
      AccessLogSettings: 'a local run keeps no access log',
      DefaultRouteSettings: 'one machine is slower than any throttle',
      RouteSettings: 'one machine is slower than any throttle',
    },
  },
  'AWS::ApiGatewayV2::Integration': {
    run: ['ApiId', 'IntegrationType', 'IntegrationUri', 'PayloadFormatVersion', 'TimeoutInMillis'],
    ignored: {},
  },
  'AWS::ApiGatewayV2::Route': {
    run: ['ApiId', 'RouteKey', 'Target', 'AuthorizationType', 'AuthorizerId', 'AuthorizationScopes'],
    ignored: {},
  },
  'AWS::ApiGatewayV2::Authorizer': {
    run: ['ApiId', 'AuthorizerType', 'IdentitySource', 'JwtConfiguration.Issuer', 'JwtConfiguration.Audience'],
    ignored: { Name: 'words' },
  },
  'AWS::Events::Rule': {
    run: [
      'ScheduleExpression',
      'State',
      'Targets[].Arn',
      'Targets[].Id',
      'Targets[].Input',
      'Targets[].RetryPolicy.MaximumEventAgeInSeconds',
      'Targets[].RetryPolicy.MaximumRetryAttempts',
    ],
    ignored: { Description: 'words', Tags: 'words' },
  },
  'AWS::SQS::Queue': {
    run: ['VisibilityTimeout', 'MessageRetentionPeriod', 'RedrivePolicy.deadLetterTargetArn', 'RedrivePolicy.maxReceiveCount'],
    ignored: {
      SqsManagedSseEnabled: 'the emulator does not encrypt',
      KmsMasterKeyId: 'the emulator does not encrypt',
      Tags: 'words',
    },
  },
  'AWS::SQS::QueuePolicy': NO_IAM,
  'AWS::IAM::ManagedPolicy': NO_IAM,
  'AWS::IAM::Policy': NO_IAM,
  'AWS::IAM::Role': NO_IAM,
  'AWS::CloudWatch::Alarm': NO_CLOUDWATCH,
  'AWS::CloudWatch::Dashboard': NO_CLOUDWATCH,
  'AWS::Logs::LogGroup': 'each function logs to a file',
  'AWS::Logs::MetricFilter': NO_CLOUDWATCH,
  'AWS::SNS::Subscription': NO_CLOUDWATCH,
  'AWS::SNS::Topic': NO_CLOUDWATCH,
  'AWS::SNS::TopicPolicy': NO_CLOUDWATCH,
  'AWS::ElastiCache::ParameterGroup': REPLACED_REDIS,
  'AWS::ElastiCache::ReplicationGroup': REPLACED_REDIS,
  'AWS::ElastiCache::SubnetGroup': REPLACED_REDIS,
  'AWS::ElastiCache::User': REPLACED_REDIS,
  'AWS::ElastiCache::UserGroup': REPLACED_REDIS,
  'AWS::EC2::RouteTable': NO_NETWORK,
  'AWS::EC2::SecurityGroup': NO_NETWORK,
  'AWS::EC2::SecurityGroupEgress': NO_NETWORK,
  'AWS::EC2::SecurityGroupIngress': NO_NETWORK,
  'AWS::EC2::FlowLog': NO_NETWORK,
  'AWS::EC2::Subnet': NO_NETWORK,
  'AWS::EC2::SubnetRouteTableAssociation': NO_NETWORK,
  'AWS::EC2::VPC': NO_NETWORK,
  'AWS::EC2::VPCEndpoint': NO_NETWORK,
  'AWS::ApplicationAutoScaling::ScalableTarget': 'one machine keeps the functions that it has started',
  'AWS::CDK::Metadata': 'words',
};

/** What may stand beside a resource's Type and Properties; the rest (Condition, CreationPolicy) changes what is deployed. */
const RESOURCE_ATTRIBUTES = new Set([
  'Type',
  'Properties',
  'DependsOn',
  'DeletionPolicy',
  'UpdateReplacePolicy',
  'UpdatePolicy',
  'Metadata',
]);
/** Sections of a template without a part in what runs: outputs are for people, parameters and rules check the CDK bootstrap. */
const TEMPLATE_SECTIONS = new Set(['Resources', 'Outputs', 'Parameters', 'Rules', 'Description', 'AWSTemplateFormatVersion', 'Metadata']);

/**
 * Checks that the local run knows everything that a template says.
 * @throws Failure that names the resource, its type and the property that the local run does not know.
 */
export function checkKnown(template: Record<string, unknown>): void {
  for (const section of Object.keys(template)) {
    if (!TEMPLATE_SECTIONS.has(section)) throw new Failure(`The local run does not know the template section ${section}${WHAT_TO_DO}`);
  }
  for (const [id, resource] of Object.entries((template.Resources ?? {}) as Record<string, Resource>)) {
    const known = Object.hasOwn(KNOWN_RESOURCES, resource.Type) ? KNOWN_RESOURCES[resource.Type] : undefined;
    if (known === undefined) throw new Failure(`The local run does not know the type ${resource.Type} of ${id}${WHAT_TO_DO}`);
    for (const attribute of Object.keys(resource)) {
      if (!RESOURCE_ATTRIBUTES.has(attribute)) throw unknown(id, resource.Type, `attribute ${attribute}`);
    }
    if (typeof known !== 'string') checkProperties(id, resource.Type, known, '', resource.Properties ?? {});
  }
}

function unknown(id: string, type: string, what: string): Failure {
  return new Failure(`The local run does not know the ${what} of ${id} (${type})${WHAT_TO_DO}`);
}

function checkProperties(id: string, type: string, known: KnownProperties, prefix: string, value: unknown): void {
  for (const [name, child] of Object.entries(value as Record<string, unknown>)) {
    checkProperty(id, type, known, prefix === '' ? name : `${prefix}.${name}`, child);
  }
}

function checkProperty(id: string, type: string, known: KnownProperties, path: string, value: unknown): void {
  if (known.run.includes(path) || Object.hasOwn(known.ignored, path)) return;
  const leadsTo = (separator: string): boolean =>
    [...known.run, ...Object.keys(known.ignored)].some((longer) => longer.startsWith(path + separator));
  if (Array.isArray(value) && leadsTo('[].')) {
    for (const item of value) checkProperty(id, type, known, `${path}[]`, item);
  } else if (typeof value === 'object' && value !== null && !Array.isArray(value) && leadsTo('.')) {
    checkProperties(id, type, known, path, value);
  } else {
    throw unknown(id, type, `property ${path}`);
  }
}
