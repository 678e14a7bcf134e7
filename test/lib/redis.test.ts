import { App, Stack } from 'aws-cdk-lib/core';
import { describe, expect, test } from 'vitest';
import type { FunctionName } from '../../lambda/config.ts';
import { accessStrings } from '../../lambda/queue/access.ts';
import { RedisUsers } from '../../lib/redis-users.ts';
import type { Stage } from '../../lib/stages.ts';
import { deploy, deployments, functionNames, rendered, statementsOf, target, type Value, variablesOf } from './deployment.ts';

describe.each(deployments)('%s', (_, stage) => {
  const deployment = deploy(stage);
  const redis = deployment.only('AWS::ElastiCache::ReplicationGroup');
  const parameters = deployment.only('AWS::ElastiCache::ParameterGroup');

  test('is a Valkey cluster, encrypted, that never evicts', () => {
    expect(redis.Properties).toMatchObject({
      Engine: 'valkey',
      ClusterMode: 'enabled',
      TransitEncryptionEnabled: true,
      AtRestEncryptionEnabled: true,
      AutomaticFailoverEnabled: true,
    });
    expect(target(redis.Properties['CacheParameterGroupName'])).toBe(parameters.id);
    expect(parameters.Properties['Properties']).toEqual({ 'cluster-enabled': 'yes', 'maxmemory-policy': 'noeviction' });
    expect(redis.Properties['EngineVersion']).toBe('9.0');
    const [major] = rendered(redis.Properties['EngineVersion']).split('.');
    expect(parameters.Properties['CacheParameterGroupFamily']).toBe(`valkey${major}`);
  });

  test.each(functionNames)('is told to %s as a cluster that speaks TLS', (name) => {
    const { REDIS_URL, REDIS_MODE } = variablesOf(deployment.lambda(name));
    expect(rendered(REDIS_URL)).toBe(`rediss://${redis.id}.example.com:6379`);
    expect(REDIS_MODE).toBe('cluster');
  });

  test('is resharded in place, never replaced for it', () => {
    expect(redis.UpdatePolicy).toEqual({ UseOnlineResharding: true });
  });

  test('spreads its replicas, if it has any, over availability zones', () => {
    expect(redis.Properties['MultiAZEnabled']).toBe(Number(redis.Properties['ReplicasPerNodeGroup']) > 0);
  });

  test('has the nodes, shards, replicas and snapshots that the stage says', () => {
    expect(redis.Properties).toMatchObject({
      CacheNodeType: stage.redis.nodeType,
      NumNodeGroups: stage.redis.shards,
      ReplicasPerNodeGroup: stage.redis.replicas,
      SnapshotRetentionLimit: stage.redis.snapshotDays,
      ...(stage.redis.snapshotWindow !== '' && { SnapshotWindow: stage.redis.snapshotWindow }),
      ...(stage.redis.maintenanceWindow !== '' && { PreferredMaintenanceWindow: stage.redis.maintenanceWindow }),
    });
  });

  test('outlives the stack where the stage keeps its data', () => {
    const policy = stage.keepData ? 'Snapshot' : 'Delete';
    expect(redis).toMatchObject({ DeletionPolicy: policy, UpdateReplacePolicy: policy });
  });
});

const clusterOf = (stage: Stage) => deploy(stage).only('AWS::ElastiCache::ReplicationGroup').Properties;

describe.each(deployments)('the users of %s', (_, stage) => {
  const deployment = deploy(stage);
  const redis = deployment.only('AWS::ElastiCache::ReplicationGroup');
  const group = deployment.only('AWS::ElastiCache::UserGroup');
  const members = (group.Properties['UserIds'] as Value[]).map((member) => deployment.at(member));
  const userOf = (name: FunctionName) => {
    const [, user] = /^iam:(.+)@/.exec(rendered(variablesOf(deployment.lambda(name))['REDIS_AUTH'])) ?? [];
    return members.find(({ Properties }) => Properties['UserId'] === user)!;
  };

  test('are those of one group, which alone may sign in', () => {
    expect((redis.Properties['UserGroupIds'] as Value[]).map(target)).toEqual([group.id]);
    expect(new Set(members.map(({ id }) => id))).toEqual(new Set(Object.keys(deployment.ofType('AWS::ElastiCache::User'))));
    expect(members).toHaveLength(functionNames.length + 1);
  });

  test('are made and changed one after the other', () => {
    const before = members.map(({ id }) => (deployment.resources[id] as { DependsOn?: string[] }).DependsOn ?? []);
    expect(before).toEqual(members.map((_member, i) => (i === 0 ? [] : [members[i - 1]!.id])));
  });

  test.each(functionNames)('%s has one of its own, by IAM, that may do what the table says', (name) => {
    const { Properties } = userOf(name);
    expect(Properties).toMatchObject({ AuthenticationMode: { Type: 'iam' }, AccessString: accessStrings[name], UserName: Properties['UserId'] });
    expect(Properties['UserId']).toMatch(/^[a-z][a-z0-9-]{0,39}$/);
    expect(Properties['UserId']).toMatch(new RegExp(`^coupon-queue-test.*-${name}$`));
    expect(rendered(variablesOf(deployment.lambda(name))['REDIS_AUTH'])).toBe(`iam:${rendered(Properties['UserId'])}@${redis.id}`);
    expect(functionNames.filter((other) => userOf(other).id === userOf(name).id)).toEqual([name]);
  });

  test('are the functions, and nobody: the default user is off and may do nothing', () => {
    const [nobody, ...others] = members.filter(({ id }) => !functionNames.some((name) => userOf(name).id === id));
    expect(others).toEqual([]);
    expect(nobody?.Properties).toMatchObject({ UserName: 'default', AccessString: 'off -@all', AuthenticationMode: { Type: 'no-password-required' } });
  });

  test.each(functionNames)('the role of %s may connect as that user to that cluster, and as nobody else', (name) => {
    const role = target(deployment.lambda(name).Properties['Role']);
    const statements = Object.values(deployment.ofType('AWS::IAM::Policy'))
      .filter(({ Properties }) => (Properties['Roles'] as Value[]).some((each) => target(each) === role))
      .flatMap(statementsOf)
      .filter(({ Action }) => JSON.stringify(Action).includes('elasticache'));
    expect(statements).toHaveLength(1);
    expect(statements[0]).toMatchObject({ Effect: 'Allow', Action: 'elasticache:Connect' });
    const arn = (what: string) => expect.stringMatching(new RegExp(`^arn:AWS::Partition:elasticache:AWS::Region:AWS::AccountId:${what}$`)) as string;
    const expected = [arn(`replicationgroup:${redis.id}`), arn(`user:${rendered(userOf(name).Properties['UserId'])}`)];
    expect((statements[0]!['Resource'] as Value[]).map(rendered)).toEqual(expected);
  });
});

test('a stack whose name leaves no room for the ids of users is refused in words', () => {
  const stack = new Stack(new App(), 'coupon-queue-of-a-very-long-name');
  expect(() => new RedisUsers(stack, 'Users')).toThrow('coupon-queue-of-a-very-long-name-init-stock is longer than the 40 characters that ElastiCache allows a user: shorten the stack\'s name.');
});

describe('durability', () => {
  const durable = deployments.filter(([, stage]) => stage.redis.durability === 'sync');

  test.each(durable)('of %s has the nodes, the replicas and the version that it takes', (_, stage) => {
    const cluster = clusterOf(stage);
    expect(cluster).toMatchObject({ Durability: 'sync', MultiAZEnabled: true });
    expect(Number.parseInt(rendered(cluster['EngineVersion']), 10)).toBeGreaterThanOrEqual(9);
    expect(cluster['CacheNodeType']).toMatch(/^cache\.([mr][67]g|c7gn)\./);
  });

  test.each(deployments.filter((each) => !durable.includes(each)))('of %s is left to ElastiCache', (_, stage) => {
    expect(clusterOf(stage)).not.toHaveProperty('Durability');
  });
});
