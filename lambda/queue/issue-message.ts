import * as v from 'valibot';
import { PROMOTION_ID, USER_ID } from './ids.ts';

/** Users in one message: a tick of 100 users is one message, one issuer invocation and one script. */
export const MESSAGE_USERS_MAX = 100;

/** The attribute of an SQS message that carries its correlation id. */
export const CORRELATION_ATTRIBUTE = 'correlationId';

/** One promotion's users to issue coupons to. */
export interface IssueMessage {
  promotionId: string;
  userIds: string[];
  /** What the log lines about these users have in common; sent beside the body, which is a contract. */
  correlationId?: string | undefined;
}

const schema = v.object({
  v: v.literal(1),
  promotionId: v.pipe(v.string(), v.regex(PROMOTION_ID)),
  userIds: v.pipe(v.array(v.pipe(v.string(), v.regex(USER_ID))), v.minLength(1), v.maxLength(MESSAGE_USERS_MAX)),
});

/** Splits users into messages of at most MESSAGE_USERS_MAX. */
export function issueMessages(promotionId: string, userIds: string[], correlationId?: string): IssueMessage[] {
  const messages = [];
  for (let i = 0; i < userIds.length; i += MESSAGE_USERS_MAX) messages.push({ promotionId, userIds: userIds.slice(i, i + MESSAGE_USERS_MAX), correlationId });
  return messages;
}

/** The body of the SQS message. */
export const encodeIssueMessage = ({ promotionId, userIds }: IssueMessage) => JSON.stringify({ v: 1, promotionId, userIds });

/**
 * Reads the body of an SQS message.
 * @throws Error that says what is wrong with it, a version that this code does not know included.
 */
export function decodeIssueMessage(body: string): IssueMessage {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new Error('the message is not JSON');
  }
  const result = v.safeParse(schema, parsed);
  if (result.success) return result.output;
  const [issue] = result.issues;
  // Names the place and the rule, never the value: it may be a user's id.
  throw new Error(`the message's ${v.getDotPath(issue) ?? 'body'} is not as expected (${issue.type})`);
}
