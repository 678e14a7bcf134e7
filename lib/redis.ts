import { RemovalPolicy } from 'aws-cdk-lib/core';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Environment, FunctionName } from '../lambda/config.ts';
import { acknowledge } from './acknowledged.ts';
import type { Network } from './network.ts';
import { RedisUsers } from './redis-users.ts';
import type { Stage } from './stages.ts';

const PORT = 6379;
const VALKEY_VERSION = '9.0';
const VALKEY_FAMILY = 'valkey9';

interface RedisProps {
  readonly network: Network;
  readonly size: Stage['redis'];
  /** Whether a last snapshot is taken before the cluster is deleted or replaced. */
  readonly keepData: boolean;
}

/** Where every promotion lives: a Valkey cluster, encrypted under way and at rest, open to the functions' own users alone, that refuses writes rather than evict a status. */
export class Redis extends Construct {
  readonly url: string;
  /** Ids of the nodes, by what people call them. */
  readonly nodes: Readonly<Record<string, string>>;
  readonly #connections: ec2.Connections;
  readonly #users: RedisUsers;
  readonly #groupId: string;

  constructor(scope: Construct, id: string, { network, size, keepData }: RedisProps) {
    super(scope, id);
    const securityGroup = network.closedSecurityGroup(this, 'SecurityGroup', 'Redis');
    this.#connections = new ec2.Connections({ securityGroups: [securityGroup] });

    const parameters = new elasticache.CfnParameterGroup(this, 'Parameters', {
      cacheParameterGroupFamily: VALKEY_FAMILY,
      description: 'Cluster mode, and no eviction: every key is a record of who stands where or who won',
      properties: { 'cluster-enabled': 'yes', 'maxmemory-policy': 'noeviction' },
    });
    const subnets = new elasticache.CfnSubnetGroup(this, 'Subnets', {
      description: 'The isolated subnets',
      subnetIds: network.vpc.isolatedSubnets.map((subnet) => subnet.subnetId),
    });
    this.#users = new RedisUsers(this, 'Users');
    const group = new elasticache.CfnReplicationGroup(this, 'Cluster', {
      replicationGroupDescription: 'The waiting lines of the coupon queue',
      engine: 'valkey',
      engineVersion: VALKEY_VERSION,
      cacheNodeType: size.nodeType,
      clusterMode: 'enabled',
      numNodeGroups: size.shards,
      replicasPerNodeGroup: size.replicas,
      multiAzEnabled: size.replicas > 0,
      // ElastiCache refuses cluster mode without it, even where there is no replica to fail over to.
      automaticFailoverEnabled: true,
      durability: size.durability === 'disabled' ? undefined : size.durability,
      port: PORT,
      transitEncryptionEnabled: true,
      atRestEncryptionEnabled: true,
      cacheParameterGroupName: parameters.ref,
      cacheSubnetGroupName: subnets.ref,
      securityGroupIds: [securityGroup.securityGroupId],
      userGroupIds: [this.#users.groupId],
      snapshotRetentionLimit: size.snapshotDays,
      snapshotWindow: size.snapshotWindow || undefined,
      preferredMaintenanceWindow: size.maintenanceWindow || undefined,
    });
    // Without this, a change of the shard count replaces the cluster, and its data with it.
    group.cfnOptions.updatePolicy = { useOnlineResharding: true };
    acknowledge(group, 'AwsSolutions-AEC6');
    if (size.replicas === 0) acknowledge(group, 'AwsSolutions-AEC4');
    group.applyRemovalPolicy(keepData ? RemovalPolicy.SNAPSHOT : RemovalPolicy.DESTROY);
    this.#groupId = group.ref;
    this.nodes = nodesOf(group.ref, size);
    this.url = `rediss://${group.attrConfigurationEndPointAddress}:${group.attrConfigurationEndPointPort}`;
  }

  /** Lets a function reach Redis and sign in there as its own user, and answers what it must be told for that. */
  bind(client: lambda.Function, name: FunctionName): Environment<'info'> {
    // From the client's side, so that both rules stand in the client's stack: Redis's own must not refer to it.
    client.connections.allowTo(this.#connections, ec2.Port.tcp(PORT), 'uses Redis');
    return { REDIS_URL: this.url, REDIS_MODE: 'cluster', ...this.#users.bind(client, name, this.#groupId) };
  }
}

/** ElastiCache names nodes after their group, their shard and their place in it, each from 1 on. */
function nodesOf(groupId: string, { shards, replicas }: Stage['redis']): Record<string, string> {
  const digits = (number: number, length: number) => String(number).padStart(length, '0');
  const nodes = Array.from({ length: shards }, (_, shard) =>
    Array.from({ length: replicas + 1 }, (_, place) => [`node ${shard + 1}-${place + 1}`, `${groupId}-${digits(shard + 1, 4)}-${digits(place + 1, 3)}`] as const),
  );
  return Object.fromEntries(nodes.flat());
}
