import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { FunctionSpec } from '../../local/function-process.ts';
import type { Resource } from '../../local/known-resources.ts';

/** A folder of the test's own, gone after it. */
export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'coupon-local-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Writes a function's code and describes it as a pool wants it. */
export function functionSpec(code: string, overrides: Partial<FunctionSpec> = {}): FunctionSpec {
  const codeDir = temporaryDir();
  writeFileSync(join(codeDir, 'index.mjs'), code);
  return { name: 'tested', codeDir, handler: 'index.handler', environment: {}, memoryMb: 128, timeoutMs: 5000, ...overrides };
}

const lambda = (id: string, variables: Record<string, unknown> = {}): Resource => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    Code: { S3Bucket: 'any', S3Key: `${id}.zip` },
    Handler: 'index.handler',
    Runtime: 'nodejs24.x',
    Timeout: 5,
    MemorySize: 256,
    Environment: { Variables: variables },
  },
});

/** A template of the same shape as the real one: an API, a queue with a dead-letter queue, an event source and a schedule. */
export function tinyTemplate(): { Resources: Record<string, Resource> } & Record<string, unknown> {
  return {
    Resources: {
      Redis: { Type: 'AWS::ElastiCache::ReplicationGroup', Properties: { Engine: 'valkey' } },
      Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'Api', ProtocolType: 'HTTP' } },
      Stage: { Type: 'AWS::ApiGatewayV2::Stage', Properties: { ApiId: { Ref: 'Api' }, AutoDeploy: true, StageName: '$default' } },
      Integration: {
        Type: 'AWS::ApiGatewayV2::Integration',
        Properties: {
          ApiId: { Ref: 'Api' },
          IntegrationType: 'AWS_PROXY',
          IntegrationUri: { 'Fn::GetAtt': ['Front', 'Arn'] },
          PayloadFormatVersion: '2.0',
        },
      },
      Route: {
        Type: 'AWS::ApiGatewayV2::Route',
        Properties: {
          ApiId: { Ref: 'Api' },
          RouteKey: 'POST /work',
          Target: { 'Fn::Join': ['', ['integrations/', { Ref: 'Integration' }]] },
          AuthorizationType: 'NONE',
        },
      },
      Front: lambda('Front', {
        QUEUE_URL: { Ref: 'Queue' },
        REDIS_MODE: 'cluster',
        REDIS_AUTH: { 'Fn::Join': ['', ['iam:front@', { Ref: 'Redis' }]] },
        REDIS_URL: {
          'Fn::Join': [
            '',
            [
              'rediss://',
              { 'Fn::GetAtt': ['Redis', 'ConfigurationEndPoint.Address'] },
              ':',
              { 'Fn::GetAtt': ['Redis', 'ConfigurationEndPoint.Port'] },
            ],
          ],
        },
      }),
      Worker: lambda('Worker'),
      Clock: lambda('Clock'),
      DeadQueue: { Type: 'AWS::SQS::Queue' },
      Queue: {
        Type: 'AWS::SQS::Queue',
        Properties: {
          VisibilityTimeout: 30,
          RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['DeadQueue', 'Arn'] }, maxReceiveCount: 5 },
        },
      },
      Source: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: {
          BatchSize: 10,
          EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] },
          FunctionName: { Ref: 'Worker' },
          FunctionResponseTypes: ['ReportBatchItemFailures'],
          ScalingConfig: { MaximumConcurrency: 3 },
        },
      },
      NoRetries: {
        Type: 'AWS::Lambda::EventInvokeConfig',
        Properties: { FunctionName: { Ref: 'Clock' }, MaximumRetryAttempts: 0, Qualifier: '$LATEST' },
      },
      Rule: {
        Type: 'AWS::Events::Rule',
        Properties: {
          ScheduleExpression: 'rate(1 minute)',
          State: 'ENABLED',
          Targets: [
            {
              Arn: { 'Fn::GetAtt': ['Clock', 'Arn'] },
              Id: 'Target0',
              Input: '{"shard":0}',
              RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0 },
            },
          ],
        },
      },
    },
  };
}

/** Writes a cloud assembly as the CDK app would, of one stack or several, with the given code of its three functions. */
export function writeAssembly(templates: object | readonly object[], code: { Front?: string; Worker?: string; Clock?: string } = {}): string {
  const dir = temporaryDir();
  const files: Record<string, unknown> = {};
  for (const id of ['Front', 'Worker', 'Clock'] as const) {
    mkdirSync(join(dir, `asset.${id}`));
    writeFileSync(join(dir, `asset.${id}`, 'index.mjs'), code[id] ?? 'export const handler = async (event) => event;');
    files[id] = {
      displayName: `${id.toLowerCase()}/Function/Code`,
      source: { path: `asset.${id}`, packaging: 'zip' },
      destinations: { here: { objectKey: `${id}.zip` } },
    };
  }
  const artifacts = {
    'tiny.assets': { type: 'cdk:asset-manifest', properties: { file: 'tiny.assets.json' } },
  };
  const stacks = Array.isArray(templates) ? (templates as object[]) : [templates];
  const stackArtifacts = stacks.map((template, index) => {
    const templateFile = index === 0 ? 'tiny.template.json' : `tiny-${index}.template.json`;
    writeFileSync(join(dir, templateFile), JSON.stringify(template));
    return [`tiny-${index}`, { type: 'aws:cloudformation:stack', properties: { templateFile } }] as const;
  });
  writeFileSync(join(dir, 'manifest.json'), JSON.stringify({ artifacts: { ...artifacts, ...Object.fromEntries(stackArtifacts) } }));
  writeFileSync(join(dir, 'tiny.assets.json'), JSON.stringify({ files }));
  return dir;
}
