import { describe, expect, test } from 'vitest';
import type { Stage } from '../../lib/stages.ts';
import { deploy, deployments, functionNames, rendered, target, variablesOf } from './deployment.ts';

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

  test('outlives the stack where the stage keeps its data', () => {
    const policy = stage.keepData ? 'Snapshot' : 'Delete';
    expect(redis).toMatchObject({ DeletionPolicy: policy, UpdateReplacePolicy: policy });
  });
});

const clusterOf = (stage: Stage) => deploy(stage).only('AWS::ElastiCache::ReplicationGroup').Properties;

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
