import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { readConfig } from './config.ts';
import { issue, type IssueOutcome } from './queue/issue.ts';
import { CORRELATION_ATTRIBUTE, decodeIssueMessage } from './queue/issue-message.ts';
import { redisClient } from './redis-client.ts';
import { count, hashed, logger, publishMetrics } from './telemetry.ts';

/** Of what a message says of itself, so much is logged. */
const CORRELATION_CHARS_MAX = 64;

interface Operations {
  issue: (promotionId: string, userIds: string[]) => Promise<IssueOutcome>;
}

/** Handles a batch of SQS messages: one issue per message. Messages that fail are reported one by one and come again; at last they reach the DLQ. */
export const createHandler = (queue: Operations) => async (event: SQSEvent, { awsRequestId }: Pick<Context, 'awsRequestId'>): Promise<SQSBatchResponse> => {
  logger.appendKeys({ functionRequestId: awsRequestId });
  const issued = await Promise.all(event.Records.map((record) => issueRecord(queue, record)));
  publishMetrics();
  return { batchItemFailures: event.Records.filter((_, i) => !issued[i]).map(({ messageId }) => ({ itemIdentifier: messageId })) };
};

/** Issues one message; false if it failed. */
async function issueRecord(queue: Operations, { body, messageId, attributes, messageAttributes }: SQSRecord): Promise<boolean> {
  const found = { messageId, correlationId: messageAttributes?.[CORRELATION_ATTRIBUTE]?.stringValue?.slice(0, CORRELATION_CHARS_MAX) };
  try {
    const { promotionId, userIds } = decodeIssueMessage(body);
    const { completed, failed, released, soldOut } = await queue.issue(promotionId, userIds);
    logger.info('A message was issued', { promotionId, ...found, completed, failed });
    if (completed > 0) count('issued', completed);
    if (failed > 0) count('failed', failed);
    if (soldOut) {
      count('soldOut');
      logger.info('The last coupon was issued', { promotionId, ...found });
    }
    if (released.length > 0) {
      count('issuerErrors', released.length);
      logger.error('Users in processing had a final status already; no coupon was taken', { promotionId, ...found, users: released.map(hashed) });
    }
    return true;
  } catch (error) {
    count('issuerErrors');
    logger.error('A message was not issued; it comes again, and at last goes to the dead-letter queue', {
      ...found,
      receiveCount: attributes.ApproximateReceiveCount,
      error: error as Error,
    });
    return false;
  }
}

const config = readConfig('issuer');
const redis = redisClient(config);
export const handler = createHandler({ issue: (promotionId, userIds) => issue(redis, promotionId, userIds) });
