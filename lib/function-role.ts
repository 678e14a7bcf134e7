import * as iam from 'aws-cdk-lib/aws-iam';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledged.ts';

/**
 * What Lambda does with a function's role to put the function into a network: the managed policy AWSLambdaVPCAccessExecutionRole (version 3)
 * without its logs. It must be allowed on `*`: some of these actions know no resources, and the interfaces have no name before they are made
 * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html).
 */
const NETWORK_INTERFACE_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/** The role of one function: its own log, the network interfaces that Lambda makes for it, and nothing else until the function is bound to something. */
export class FunctionRole extends Construct {
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, logGroup: ILogGroup) {
    super(scope, id);
    this.role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(this.role);
    this.role.addToPolicy(new iam.PolicyStatement({ actions: NETWORK_INTERFACE_ACTIONS, resources: ['*'] }));
    this.role.addToPolicy(
      new iam.PolicyStatement({
        effect: iam.Effect.DENY,
        actions: NETWORK_INTERFACE_ACTIONS,
        resources: ['*'],
        // Lambda names the function in every call that the function's own code makes, but not in those that it makes itself for interfaces
        // (https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html). Not this function by its ARN: that would be a circle.
        conditions: { Null: { 'lambda:SourceFunctionArn': 'false' } },
      }),
    );
    acknowledge(this, 'AwsSolutions-IAM5[Resource::*]');
  }
}
