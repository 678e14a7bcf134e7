import { describe, expect, test } from 'vitest';
import { deploy, deployments, statementsOf, target, variablesOf, type Shape, type Value } from './deployment.ts';

/** Function timeouts that AWS advises between a message's delivery and its return. */
const VISIBILITY_TIMEOUTS_MIN = 6;
/** More in one call would need a batching window, and with it a wait. */
const MESSAGES_MAX = 10;

describe.each(deployments)('%s', (_, stage) => {
  const deployment = deploy(stage);
  const issuer = deployment.lambda('issuer');
  const mapping = deployment.only('AWS::Lambda::EventSourceMapping');
  const queue = deployment.at(mapping.Properties['EventSourceArn']);
  const redrive = queue.Properties['RedrivePolicy'] as Shape;

  test('a message comes back after several issuer timeouts, but before its users are sent anew', () => {
    const visibilitySeconds = Number(queue.Properties['VisibilityTimeout']);
    expect(visibilitySeconds).toBeGreaterThanOrEqual(VISIBILITY_TIMEOUTS_MIN * Number(issuer.Properties['Timeout']));
    expect(visibilitySeconds * 1000).toBeLessThan(stage.pace.leaseMs);
  });

  test('the issuer reads the queue that the loop writes to', () => {
    expect(deployment.called(mapping.Properties['FunctionName'])).toBe(issuer.id);
    expect(target(variablesOf(deployment.lambda('drain-loop'))['QUEUE_URL'])).toBe(queue.id);
  });

  test('the issuer answers for each message by itself', () => {
    expect(mapping.Properties['FunctionResponseTypes']).toEqual(['ReportBatchItemFailures']);
    expect(mapping.Properties['BatchSize']).toBeLessThanOrEqual(MESSAGES_MAX);
  });

  test('the issuers are bounded where a message waits, not where it is refused', () => {
    expect(mapping.Properties['ScalingConfig']).toEqual({ MaximumConcurrency: stage.issuing.issuersMax });
    expect(issuer.Properties).not.toHaveProperty('ReservedConcurrentExecutions');
  });

  test('a message that keeps failing ends in another queue, which keeps it longer', () => {
    const deadLetterQueue = deployment.at(redrive['deadLetterTargetArn']);
    expect(deadLetterQueue.Type).toBe('AWS::SQS::Queue');
    expect(deadLetterQueue.id).not.toBe(queue.id);
    expect(redrive['maxReceiveCount']).toBe(stage.issuing.receiveCountMax);
    const days = (kept: typeof queue) => Number(kept.Properties['MessageRetentionPeriod']) / 86_400;
    expect([days(queue), days(deadLetterQueue)]).toEqual([stage.issuing.messageDays, stage.issuing.deadLetterDays]);
    expect(days(deadLetterQueue)).toBeGreaterThan(days(queue));
  });

  test('the queues refuse unencrypted requests, and allow nobody anything by themselves', () => {
    const policies = Object.values(deployment.ofType('AWS::SQS::QueuePolicy'));
    const guarded = policies.flatMap(({ Properties }) => (Properties['Queues'] as Value[]).map(target));
    expect(new Set(guarded)).toEqual(new Set(Object.keys(deployment.ofType('AWS::SQS::Queue'))));
    for (const statement of policies.flatMap(statementsOf)) {
      expect(statement).toMatchObject({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } });
    }
  });
});
