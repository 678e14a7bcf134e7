import { RootConstruct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { readAlarms } from '../../lib/observability-context.ts';

const topicArn = 'arn:aws:sns:ap-northeast-2:123456789012:on-call';
const nobody = { emails: [], topicArn: '' };

function read(name: 'dev' | 'prod', given: Parameters<typeof readAlarms>[2], context: Record<string, unknown> = {}) {
  const { node } = new RootConstruct();
  for (const [key, value] of Object.entries(context)) node.setContext(key, value);
  return readAlarms(node, name, given);
}

describe('who is woken', () => {
  test('is who the stage says, or the context where it does', () => {
    expect(read('prod', { emails: ['a@b.co'], topicArn })).toEqual({ emails: ['a@b.co'], topicArn });
    expect(read('prod', nobody, { alarmEmail: 'a@b.co,c@d.co' })).toEqual({ emails: ['a@b.co', 'c@d.co'], topicArn: '' });
    expect(read('prod', { emails: ['a@b.co'], topicArn: '' }, { alarmEmail: 'c@d.co', alarmTopicArn: topicArn })).toEqual({ emails: ['c@d.co'], topicArn });
    expect(read('prod', nobody, { alarmTopicArn: topicArn })).toEqual({ emails: [], topicArn });
  });

  test('may be nobody in dev alone', () => {
    expect(read('dev', nobody)).toEqual(nobody);
    expect(() => read('prod', nobody)).toThrow(/^The stage prod would wake nobody when something is wrong: set .*alarmTopicArn=….$/);
  });

  test.each(['', 'a@b.co,', 'a@b.co, c@d.co', 'a b@c.de', 'on-call', 'a@b'])('is not %j', (alarmEmail) => {
    expect(() => read('dev', nobody, { alarmEmail })).toThrow(/^The stage dev has ".*" as address for alarms, but each must be an e-mail address \(-c alarmEmail=on-call@example\.com\)\.$/);
  });

  test.each(['on-call', 'arn:aws:sqs:eu-west-1:123456789012:on-call', `${topicArn}:1`])('is no topic %j', (alarmTopicArn) => {
    expect(() => read('dev', nobody, { alarmTopicArn })).toThrow(/^The stage dev has ".*" as topic for alarms, but it must be the ARN of an SNS topic /);
  });

  test('is given as text', () => {
    expect(() => read('dev', nobody, { alarmEmail: ['a@b.co'] })).toThrow('The context value alarmEmail is ["a@b.co"], but must be a text (-c alarmEmail=…).');
  });
});
