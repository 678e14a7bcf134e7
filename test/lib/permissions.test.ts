import { describe, expect, test } from 'vitest';
import { deploy, deployments, functionNames, rendered, statementsOf, target, type Shape, type Value } from './deployment.ts';

/** What may be allowed on `*` or to `*`, and nothing else. */
const WILDCARDS = [
  // Lambda makes interfaces for a function with its role; the function's own code is denied it.
  ...functionNames.map((name) => ({ holder: `AWS::IAM::Policy of ${name}`, says: 'Resource *', actions: /^ec2:[A-Z][A-Za-z]+$/ })),
  // Of the account alone, and only to send to the one queue.
  { holder: 'AWS::EC2::VPCEndpoint', says: 'Principal *', actions: /^sqs:SendMessage$/ },
];

/** Every policy document in a value, at any depth. */
function documentsIn(value: Value | undefined): Shape[] {
  if (typeof value !== 'object') return [];
  if (Array.isArray(value)) return value.flatMap(documentsIn);
  const inside = Object.values(value).flatMap(documentsIn);
  return Array.isArray(value['Statement']) ? [value, ...inside] : inside;
}

const listOf = (value: Value | undefined) => [value ?? []].flat();

describe.each(deployments)('%s', (_, stage) => {
  const deployment = deploy(stage);
  const queue = deployment.at(deployment.only('AWS::Lambda::EventSourceMapping').Properties['EventSourceArn']);
  const roleOf = (name: (typeof functionNames)[number]) => target(deployment.lambda(name).Properties['Role']);
  const logOf = (name: (typeof functionNames)[number]) => target((deployment.lambda(name).Properties['LoggingConfig'] as Shape)['LogGroup']);

  /** All that is allowed anywhere, whoever it is allowed to. */
  const allowed = Object.entries(deployment.resources).flatMap(([id, { Type, Properties }]) => {
    const owner = functionNames.find((name) => listOf(Properties['Roles']).some((role) => target(role) === roleOf(name)));
    return documentsIn(Properties)
      .flatMap((document) => document['Statement'] as Shape[])
      .filter(({ Effect }) => Effect === 'Allow')
      .map((statement) => ({ id, holder: owner === undefined ? Type : `${Type} of ${owner}`, statement }));
  });

  test('each function has a role of its own, which Lambda alone may take on and which no policy of AWS widens', () => {
    expect(new Set(functionNames.map(roleOf)).size).toBe(functionNames.length);
    for (const name of functionNames) {
      const { Properties } = deployment.at(deployment.lambda(name).Properties['Role']);
      expect(Object.keys(Properties)).toEqual(['AssumeRolePolicyDocument']);
      const [trusted, ...others] = (Properties['AssumeRolePolicyDocument'] as Shape)['Statement'] as Shape[];
      expect(others).toEqual([]);
      expect(trusted).toEqual({ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' } });
    }
  });

  test('nothing is allowed by what it is not, and no action by a pattern', () => {
    expect(allowed.length).toBeGreaterThan(functionNames.length);
    for (const { statement } of allowed) {
      expect(Object.keys(statement).filter((key) => key.startsWith('Not'))).toEqual([]);
      for (const action of listOf(statement['Action'])) expect(rendered(action)).toMatch(/^[a-z0-9-]+:[A-Za-z]+$/);
    }
  });

  test('only what is listed is allowed on everything, or to everyone', () => {
    const found = allowed.flatMap(({ holder, statement }) => {
      const resources = listOf(statement['Resource']).map(rendered).filter((resource) => resource.includes('*'));
      const principals = statement['Principal'] === undefined || !JSON.stringify(statement['Principal']).includes('*') ? [] : ['*'];
      const actions = listOf(statement['Action']).map(rendered);
      return [...resources.map((each) => ({ holder, says: `Resource ${each}`, actions })), ...principals.map((each) => ({ holder, says: `Principal ${each}`, actions }))];
    });
    expect(found.map(({ holder, says }) => `${holder}: ${says}`).toSorted()).toEqual(WILDCARDS.map(({ holder, says }) => `${holder}: ${says}`).toSorted());
    for (const { holder, actions } of found) {
      const pattern = WILDCARDS.find((each) => each.holder === holder)!.actions;
      for (const action of actions) expect(action).toMatch(pattern);
    }
  });

  describe.each(functionNames)('%s', (name) => {
    const [policy, ...others] = Object.values(deployment.ofType('AWS::IAM::Policy')).filter(({ Properties }) =>
      (Properties['Roles'] as Value[]).some((role) => target(role) === roleOf(name)),
    );
    const statements = statementsOf(policy!);
    const onlyFor: Partial<Record<string, string[]>> = {
      'drain-loop': ['sqs:SendMessage'],
      issuer: ['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:ReceiveMessage'],
    };

    test('may write its own log, sign in to Redis as itself, and what it is for', () => {
      expect(others).toEqual([]);
      const own = statements
        .filter(({ Effect, Resource }) => Effect === 'Allow' && Resource !== '*')
        // Which user and which cluster, the test of Redis says.
        .map(({ Action, Resource }) => [listOf(Action), Array.isArray(Resource) ? 'Redis' : target(Resource)]);
      const queueActions = onlyFor[name] === undefined ? [] : [[onlyFor[name], queue.id]];
      expect(own).toEqual([[['logs:CreateLogStream', 'logs:PutLogEvents'], logOf(name)], [['elasticache:Connect'], 'Redis'], ...queueActions]);
    });

    test('is denied the network interfaces that Lambda makes with its role', () => {
      const [made] = statements.filter(({ Effect, Resource }) => Effect === 'Allow' && Resource === '*');
      expect(statements.filter(({ Effect }) => Effect === 'Deny')).toEqual([
        { Action: made!['Action'], Effect: 'Deny', Resource: '*', Condition: { Null: { 'lambda:SourceFunctionArn': 'false' } } },
      ]);
    });
  });
});
