import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { FunctionName } from '../lambda/config.ts';
import { accessStrings } from '../lambda/queue/access.ts';

/** ElastiCache's limit on the id of a user or a user group. */
const ID_LENGTH_MAX = 40;
/**
 * The engine of users and user groups. A Valkey cluster takes those of either engine; only in a group of `redis` may, and must, the user
 * `default` be listed, and so be seen to be off (https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html).
 */
const ENGINE = 'redis';

/** The access string of every function; a function without one does not compile. */
const access: Readonly<Record<FunctionName, string>> = accessStrings;
const functionNames = Object.keys(access) as FunctionName[];

/** The users of a Redis cluster: one per function, who may do what that function does, and signs in by IAM; nobody else. */
export class RedisUsers extends Construct {
  /** To be given to the replication group. */
  readonly groupId: string;
  readonly #users: Readonly<Record<FunctionName, elasticache.CfnUser>>;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const users = functionNames.map((name) => {
      // With IAM a user's name must be its id, which stands once in an account and region: so there is no way round a physical name.
      const userId = this.#idOf(name);
      const user = new elasticache.CfnUser(this, name, {
        engine: ENGINE,
        userId,
        userName: userId,
        authenticationMode: { Type: 'iam' },
        accessString: access[name],
      });
      return [name, user] as const;
    });
    this.#users = Object.fromEntries(users) as Record<FunctionName, elasticache.CfnUser>;

    // Whoever signs in as nobody is this one. It can't sign in by IAM, whose users are named like their ids, and needs no password to be off.
    const nobody = new elasticache.CfnUser(this, 'Default', {
      engine: ENGINE,
      userId: this.#idOf('default'),
      userName: 'default',
      authenticationMode: { Type: 'no-password-required' },
      accessString: 'off -@all',
    });
    const everyone = [nobody, ...users.map(([, user]) => user)];
    // One after the other: a change of several users of a group at once is refused while the group takes in the first
    // (seen with Terraform: https://github.com/hashicorp/terraform-provider-aws/issues/28688).
    for (const [i, user] of everyone.entries()) if (i > 0) user.addResourceDependency(everyone[i - 1]!);
    const group = new elasticache.CfnUserGroup(this, 'Group', {
      engine: ENGINE,
      userGroupId: this.#idOf('functions'),
      userIds: everyone.map((user) => user.ref),
    });
    this.groupId = group.ref;
  }

  /** Lets a function's role sign in as the function's own user, on one replication group only. Answers what the function must be told for that. */
  bind(client: iam.IGrantable, name: FunctionName, replicationGroupId: string): { REDIS_AUTH: string } {
    const { userId } = this.#users[name];
    // By name: where the functions are in another stack, nothing of the users has to be exported to it.
    const arnOf = (resource: string, resourceName: string) =>
      Stack.of(this).formatArn({ service: 'elasticache', resource, resourceName, arnFormat: ArnFormat.COLON_RESOURCE_NAME });
    const resources = [arnOf('replicationgroup', replicationGroupId), arnOf('user', userId)];
    client.grantPrincipal.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ['elasticache:Connect'], resources }));
    return { REDIS_AUTH: `iam:${userId}@${replicationGroupId}` };
  }

  #idOf(name: string): string {
    const id = `${Stack.of(this).stackName}-${name}`.toLowerCase();
    if (id.length > ID_LENGTH_MAX) throw new Error(`${id} is longer than the ${ID_LENGTH_MAX} characters that ElastiCache allows a user: shorten the stack's name.`);
    return id;
  }
}
