import { Stack } from 'aws-cdk-lib/core';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

const AVAILABILITY_ZONES = 2;
const HTTPS = ec2.Port.tcp(443);

/** A network without a way out: no NAT, no internet gateway. All that can be reached is Redis and, for who was allowed to, SQS. */
export class Network extends Construct {
  readonly vpc: ec2.Vpc;
  readonly #sqs: ec2.InterfaceVpcEndpoint;

  constructor(scope: Construct, id: string) {
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
  }

  /** A security group that lets nothing in or out until a binding opens it. */
  closedSecurityGroup(scope: Construct, id: string, description: string): ec2.SecurityGroup {
    return new ec2.SecurityGroup(scope, id, { vpc: this.vpc, description, allowAllOutbound: false });
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
}
