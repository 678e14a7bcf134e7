import { describe, expect, test } from 'vitest';
import { deploy, deployments, functionNames, rendered, statementsOf, target, type Shape, type Value } from './deployment.ts';

/** The security group of a resource, of which there is one. */
const groupOf = (owner: Shape) => (owner['SecurityGroupIds'] as Value[]).map(target).join(' and ');

describe.each(deployments)('%s', (_, stage) => {
  const deployment = deploy(stage);
  const endpoint = deployment.only('AWS::EC2::VPCEndpoint');
  const redis = deployment.only('AWS::ElastiCache::ReplicationGroup');
  const queue = deployment.at(deployment.only('AWS::Lambda::EventSourceMapping').Properties['EventSourceArn']);

  const functionGroup = (name: (typeof functionNames)[number]) => groupOf(deployment.lambda(name).Properties['VpcConfig'] as Shape);

  /** Who may talk to whom, as `from to port`, as written at one end of each connection. */
  const openings = (end: 'Ingress' | 'Egress') =>
    Object.values(deployment.ofType(`AWS::EC2::SecurityGroup${end}`)).map(({ Properties }) => {
      const own = target(Properties['GroupId']);
      const peer = target(Properties[end === 'Ingress' ? 'SourceSecurityGroupId' : 'DestinationSecurityGroupId']);
      const ports = new Set([rendered(Properties['FromPort']), rendered(Properties['ToPort'])]);
      return [...(end === 'Ingress' ? [peer, own] : [own, peer]), ...ports].join(' ');
    });

  test('has no way out', () => {
    const ways = /NatGateway|InternetGateway|::Route$|TransitGateway|VPCPeering/;
    expect(Object.values(deployment.resources).filter(({ Type }) => Type.startsWith('AWS::EC2::') && ways.test(Type))).toEqual([]);
  });

  test.each(['Ingress', 'Egress'] as const)('every function reaches Redis, the loop reaches SQS, and nothing else is open (%s)', (end) => {
    const redisPort = rendered(redis.Properties['Port']);
    const expected = functionNames.map((name) => `${functionGroup(name)} ${groupOf(redis.Properties)} ${redisPort}`);
    expect(new Set(openings(end))).toEqual(new Set([...expected, `${functionGroup('drain-loop')} ${groupOf(endpoint.Properties)} 443`]));
  });

  test('security groups open nothing by themselves', () => {
    for (const { Properties } of Object.values(deployment.ofType('AWS::EC2::SecurityGroup'))) {
      expect(Properties).not.toHaveProperty('SecurityGroupIngress');
      // "No egress" is written as one rule that matches nothing: a group without any rule lets everything out.
      expect(Properties['SecurityGroupEgress']).toEqual([expect.objectContaining({ CidrIp: '255.255.255.255/32', IpProtocol: 'icmp' })]);
    }
  });

  test('what is refused is logged, as long as the stage keeps logs', () => {
    const log = deployment.only('AWS::EC2::FlowLog');
    expect(log.Properties).toMatchObject({ ResourceType: 'VPC', TrafficType: 'REJECT', LogDestinationType: 'cloud-watch-logs' });
    expect(target(log.Properties['ResourceId'])).toBe(deployment.only('AWS::EC2::VPC').id);
    const group = deployment.at(log.Properties['LogGroupName']);
    expect(group.Properties['RetentionInDays']).toBe(stage.logDays);
    expect(group.DeletionPolicy).toBe(stage.keepData ? 'Retain' : 'Delete');
    const role = deployment.at(log.Properties['DeliverLogsPermissionArn']);
    const writer = Object.values(deployment.ofType('AWS::IAM::Policy')).find(({ Properties }) => (Properties['Roles'] as Value[]).some((each) => target(each) === role.id));
    expect(statementsOf(writer!)).toEqual([
      { Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'], Resource: { 'Fn::GetAtt': [group.id, 'Arn'] } },
    ]);
  });

  test('the endpoint is for sending to the one queue', () => {
    expect(rendered(endpoint.Properties['ServiceName'])).toMatch(/\.sqs$/);
    expect(endpoint.Properties['PrivateDnsEnabled']).toBe(true);
    const allowed = statementsOf(endpoint).map((each) => [each['Effect'], each['Action'], target(each['Resource'])]);
    expect(allowed).toEqual([['Allow', 'sqs:SendMessage', queue.id]]);
    expect(statementsOf(endpoint)[0]?.['Condition']).toEqual({ StringEquals: { 'aws:PrincipalAccount': { Ref: 'AWS::AccountId' } } });
  });
});
