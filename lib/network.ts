import { RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

const AVAILABILITY_ZONES = 2;
const HTTPS = ec2.Port.tcp(443);

/**
 * EC2 opens a group that is made without rules to everywhere, and CDK leaves this one out as soon as a binding adds another, as a resource of its own.
 * Whether the way out is then closed again is said nowhere (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-ec2-securitygroup.html),
 * so it is never opened: as CDK writes it, for an address that nobody has and a kind of message that does not exist.
 */
const NOTHING = { CidrIp: '255.255.255.255/32', Description: 'Disallow all traffic', IpProtocol: 'icmp', FromPort: 252, ToPort: 86 };

interface NetworkProps {
  readonly logDays: number;
  /** Whether the flow log outlives the stack. */
  readonly keepData: boolean;
}

/** A network without a way out: no NAT, no internet gateway. All that can be reached is Redis and, for who was allowed to, SQS. */
export class Network extends Construct {
  readonly vpc: ec2.Vpc;
  readonly #sqs: ec2.InterfaceVpcEndpoint;

  constructor(scope: Construct, id: string, kept: NetworkProps) {
    super(scope, id);
    this.vpc = new ec2.Vpc(this, 'Vpc', {
      maxAzs: AVAILABILITY_ZONES,
      natGateways: 0,
      subnetConfiguration: [{ name: 'isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
      // Emptying the VPC's default security group takes a custom resource, and nothing here is a member of that group.
      restrictDefaultSecurityGroup: false,
    });
    this.#sqs = this.vpc.addInterfaceEndpoint('Sqs', {
      service: ec2.InterfaceVpcEndpointAwsService.SQS,
      securityGroups: [this.closedSecurityGroup(this, 'SqsSecurityGroup', 'The SQS endpoint')],
      open: false,
    });
    this.#logRefused(kept);
  }

  /** A security group that lets nothing in or out until a binding opens it. */
  closedSecurityGroup(scope: Construct, id: string, description: string): ec2.SecurityGroup {
    const group = new ec2.SecurityGroup(scope, id, { vpc: this.vpc, description, allowAllOutbound: false });
    (group.node.defaultChild as ec2.CfnSecurityGroup).addPropertyOverride('SecurityGroupEgress', [NOTHING]);
    return group;
  }

  /** Lets messages through to this queue. */
  leadTo(queue: sqs.IQueue): void {
    this.#sqs.addToPolicy(
      new iam.PolicyStatement({
        // Who of the account may send is said by the senders' roles; the endpoint limits where to.
        principals: [new iam.AnyPrincipal()],
        conditions: { StringEquals: { 'aws:PrincipalAccount': Stack.of(this).account } },
        actions: ['sqs:SendMessage'],
        resources: [queue.queueArn],
      }),
    );
  }

  /** Lets the client reach SQS. */
  allowSend(client: ec2.IConnectable): void {
    // From the client's side, so that both rules stand in the client's stack: the network's own must not refer to it.
    client.connections.allowTo(this.#sqs, HTTPS, 'sends to SQS');
  }

  /**
   * Logs what the security groups refuse. In a network that nobody outside can reach this is next to nothing, and what there is
   * deserves a look: a function that tries what it was not made for, or a rule that is missing. What is let through would be a line
   * for each connection to Redis, at the price of log ingestion, and tell nothing that the functions' own logs don't.
   */
  #logRefused({ logDays, keepData }: NetworkProps): void {
    const group = new logs.LogGroup(this, 'Refused', { retention: logDays, removalPolicy: keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY });
    const role = new iam.Role(this, 'FlowLogRole', {
      assumedBy: new iam.ServicePrincipal('vpc-flow-logs.amazonaws.com', { conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } } }),
    });
    role.addToPolicy(
      new iam.PolicyStatement({ actions: ['logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'], resources: [group.logGroupArn] }),
    );
    const log = new ec2.CfnFlowLog(this, 'FlowLog', {
      resourceType: 'VPC',
      resourceId: this.vpc.vpcId,
      trafficType: 'REJECT',
      logDestinationType: 'cloud-watch-logs',
      logGroupName: group.logGroupName,
      deliverLogsPermissionArn: role.roleArn,
    });
    log.node.addDependency(role);
  }
}
