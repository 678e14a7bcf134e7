import { describe, expect, test } from 'vitest';
import { stages } from '../../lib/stages.ts';
import { deploy, deployments } from './deployment.ts';

describe.each(deployments)('%s', (_, stage) => {
  const deployment = deploy(stage);

  test('synthesizes without a warning', () => {
    expect(deployment.warnings).toEqual([]);
  });

  test('keeps what has state in one stack, which knows nothing of the other', () => {
    const stateful = /^AWS::(EC2::(VPC|Subnet|VPCEndpoint)|ElastiCache::\w+|SQS::\w+)$/;
    const typesOf = (stack: 'data' | 'service') => Object.values(deployment.templates[stack].Resources).map(({ Type }) => Type);
    expect(typesOf('service').filter((type) => stateful.test(type))).toEqual([]);
    // The network's flow log is its own, and the only one that needs a role and a log there.
    const flowLog = ['AWS::IAM::Policy', 'AWS::IAM::Role', 'AWS::Logs::LogGroup'];
    expect(typesOf('data').filter((type) => /^AWS::(Lambda|Events|ApiGatewayV2|IAM|Logs)::/.test(type)).toSorted()).toEqual(flowLog);
    expect(deployment.stacks.data.dependencies).toEqual([]);
    expect(JSON.stringify(deployment.templates.data)).not.toContain('Fn::ImportValue');
  });

  test('is deployed data first, and what the service uses can\'t be taken away', () => {
    expect(deployment.stacks.service.dependencies).toEqual([deployment.stacks.data]);
    // The weak kind of reference, which notices nothing.
    expect(JSON.stringify(deployment.templates.service)).not.toContain('Fn::GetStackOutput');
    expect(JSON.stringify(deployment.templates.service)).toContain('Fn::ImportValue');
  });

  test('is protected from deletion as the stage says', () => {
    const { data, service } = deployment.stacks;
    expect({ data: data.terminationProtection, service: service.terminationProtection }).toEqual(stage.terminationProtection);
  });

  test('has no physical names and no custom resources', () => {
    const names = /^(FunctionName|QueueName|RoleName|LogGroupName|GroupName|ReplicationGroupId|CacheSubnetGroupName|Name)$/;
    for (const { Type, Properties } of Object.values(deployment.resources)) {
      expect(Type).not.toMatch(/^Custom::|::CustomResource$/);
      const named = Object.keys(Properties).filter((key) => names.test(key) && typeof Properties[key] === 'string');
      // An HTTP API, its authorizers and an alias must have a name, which need not be unique.
      expect({ Type, named }).toEqual({ Type, named: /^AWS::(ApiGatewayV2::(Api|Authorizer)|Lambda::Alias)$/.test(Type) ? ['Name'] : [] });
    }
  });
});

test('prod keeps its data, refuses a Redis that evicts, survives the loss of a node and is not smaller than dev', () => {
  const { dev, prod } = stages;
  expect(prod).toMatchObject({ keepData: true, terminationProtection: { data: true, service: true }, redis: { durability: 'sync', onEviction: 'refuse' } });
  expect(prod.redis.replicas).toBeGreaterThan(0);
  expect(prod.redis.shards).toBeGreaterThanOrEqual(dev.redis.shards);
  expect(prod.logDays).toBeGreaterThanOrEqual(dev.logDays);
});
