import { describe, expect, test } from 'vitest';
import { stages } from '../../lib/stages.ts';
import { deploy, deployments, functionNames, rendered, statementsOf, target, type Value } from './deployment.ts';

describe.each(deployments)('%s', (_, stage) => {
  const deployment = deploy(stage);

  test('synthesizes without a warning', () => {
    expect(deployment.warnings).toEqual([]);
  });

  test('keeps what has state in one stack, which knows nothing of the other', () => {
    const stateful = /^AWS::(EC2::(VPC|Subnet|VPCEndpoint)|ElastiCache::\w+|SQS::\w+)$/;
    const typesOf = (stack: 'data' | 'service') => Object.values(deployment.templates[stack].Resources).map(({ Type }) => Type);
    expect(typesOf('service').filter((type) => stateful.test(type))).toEqual([]);
    expect(typesOf('data').filter((type) => /^AWS::(Lambda|Events|ApiGatewayV2|IAM|Logs)::/.test(type))).toEqual([]);
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
      // An HTTP API and its authorizers must have a name, which need not be unique.
      expect({ Type, named }).toEqual({ Type, named: /^AWS::ApiGatewayV2::(Api|Authorizer)$/.test(Type) ? ['Name'] : [] });
    }
  });

  describe('permissions', () => {
    const queue = deployment.at(deployment.only('AWS::Lambda::EventSourceMapping').Properties['EventSourceArn']);
    const roleOf = (name: (typeof functionNames)[number]) => target(deployment.lambda(name).Properties['Role']);
    const statements = Object.values(deployment.ofType('AWS::IAM::Policy')).flatMap((policy) =>
      statementsOf(policy).map((statement) => ({
        actions: [statement['Action'] ?? []].flat().map(rendered),
        resources: [statement['Resource'] ?? []].flat(),
        roles: (policy.Properties['Roles'] as Value[]).map(target),
      })),
    );

    test('each function has a role of its own, for running in a network and no more', () => {
      expect(new Set(functionNames.map(roleOf)).size).toBe(functionNames.length);
      for (const { Properties } of Object.values(deployment.ofType('AWS::IAM::Role'))) {
        expect(Properties).not.toHaveProperty('Policies');
        for (const arn of Properties['ManagedPolicyArns'] as Value[]) {
          expect(rendered(arn)).toMatch(/:iam::aws:policy\/service-role\/AWSLambda(Basic|VPCAccess)ExecutionRole$/);
        }
      }
    });

    test('no statement allows every action, or anything on but the queue and, as a user of its own, Redis', () => {
      expect(statements).not.toEqual([]);
      for (const { actions, resources } of statements) {
        for (const action of actions) expect(action).toMatch(/^[a-z]+:[A-Za-z]+$/);
        for (const resource of resources) expect(rendered(resource)).not.toContain('*');
        // Which user and which cluster, the test of Redis says.
        if (actions[0] !== 'elasticache:Connect') expect(resources.map(target)).toEqual([queue.id]);
      }
    });

    test('only the loop sends, only the issuer receives, and nobody else may do anything', () => {
      const holders = (action: string) => statements.filter(({ actions }) => actions.includes(action)).flatMap(({ roles }) => roles);
      expect(holders('sqs:SendMessage')).toEqual([roleOf('drain-loop')]);
      expect(holders('sqs:ReceiveMessage')).toEqual([roleOf('issuer')]);
      expect(new Set(holders('elasticache:Connect'))).toEqual(new Set(functionNames.map(roleOf)));
      const others = statements.filter(({ actions }) => actions[0] !== 'elasticache:Connect');
      expect(new Set(others.flatMap(({ roles }) => roles))).toEqual(new Set([roleOf('drain-loop'), roleOf('issuer')]));
    });
  });
});

test('prod keeps its data, refuses a Redis that evicts, survives the loss of a node and is not smaller than dev', () => {
  const { dev, prod } = stages;
  expect(prod).toMatchObject({ keepData: true, terminationProtection: { data: true, service: true }, redis: { durability: 'sync', onEviction: 'refuse' } });
  expect(prod.redis.replicas).toBeGreaterThan(0);
  expect(prod.redis.shards).toBeGreaterThanOrEqual(dev.redis.shards);
  expect(prod.logDays).toBeGreaterThanOrEqual(dev.logDays);
});
