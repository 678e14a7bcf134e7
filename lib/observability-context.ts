import type { Node } from 'constructs';
import { quoted } from './callers.ts';
import type { Stage, StageName } from './stages.ts';

/** Who is woken, by context: `alarmEmail`, several of them with commas between, and `alarmTopicArn`. */
export const ALARM_CONTEXT_KEYS = ['alarmEmail', 'alarmTopicArn'] as const;

/** The only stage in which nobody need be woken. */
const SLEEPING_STAGE: StageName = 'dev';

const EMAIL = /^[^\s@,]+@[^\s@,]+\.[^\s@,]+$/;
const TOPIC_ARN = /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+$/;

/**
 * Who is told of alarms: what lib/stages.ts says, or the context where it does.
 * @throws Error in one sentence if an address or ARN is none, or if any stage but dev would wake nobody
 */
export function readAlarms(context: Node, name: StageName, given: Stage['alarms']): Stage['alarms'] {
  const emails = readText(context, 'alarmEmail')?.split(',') ?? given.emails;
  const topicArn = readText(context, 'alarmTopicArn') ?? given.topicArn;
  const wrong = emails.find((email) => !EMAIL.test(email));
  if (wrong !== undefined) throw new Error(`The stage ${name} has ${quoted(wrong)} as address for alarms, but each must be an e-mail address (-c alarmEmail=on-call@example.com).`);
  if (topicArn !== '' && !TOPIC_ARN.test(topicArn)) {
    throw new Error(`The stage ${name} has ${quoted(topicArn)} as topic for alarms, but it must be the ARN of an SNS topic (-c alarmTopicArn=arn:aws:sns:…).`);
  }
  if (name !== SLEEPING_STAGE && emails.length === 0 && topicArn === '') {
    throw new Error(
      `The stage ${name} would wake nobody when something is wrong: set alarms.emails or alarms.topicArn in lib/stages.ts, or give -c alarmEmail=… or -c alarmTopicArn=….`,
    );
  }
  return { emails, topicArn };
}

function readText(context: Node, key: (typeof ALARM_CONTEXT_KEYS)[number]): string | undefined {
  const value: unknown = context.tryGetContext(key);
  if (value === undefined || typeof value === 'string') return value;
  throw new Error(`The context value ${key} is ${quoted(value)}, but must be a text (-c ${key}=…).`);
}
