import { SQSClient, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { CORRELATION_ATTRIBUTE, encodeIssueMessage, type IssueMessage } from './issue-message.ts';

/** Messages in one SendMessageBatch: the limit of SQS. Ten full messages are about 130 KB of the 1 MiB that it allows. */
const BATCH_MESSAGES_MAX = 10;
/** How long a message waits for others to share a request with. */
const GATHER_MS = 2;
/** One attempt to connect, and one answer, may take this long; after two attempts the lease is what helps. */
const SQS_CONNECT_TIMEOUT_MS = 1000;
const SQS_REQUEST_TIMEOUT_MS = 2000;
const SQS_ATTEMPTS_MAX = 2;

/** Hands one message to SQS; resolves when SQS has taken it, rejects with a reason when it has not. */
export type Send = (message: IssueMessage) => Promise<void>;

interface Waiting {
  message: IssueMessage;
  resolve: () => void;
  reject: (reason: Error) => void;
}

/** Makes a client whose every wait is bounded; the SDK's own have no time-out. */
export const connectSqs = () =>
  new SQSClient({
    maxAttempts: SQS_ATTEMPTS_MAX,
    requestHandler: { connectionTimeout: SQS_CONNECT_TIMEOUT_MS, requestTimeout: SQS_REQUEST_TIMEOUT_MS, throwOnRequestTimeout: true },
  });

const correlationOf = ({ correlationId }: IssueMessage) =>
  correlationId === undefined ? {} : { MessageAttributes: { [CORRELATION_ATTRIBUTE]: { DataType: 'String', StringValue: correlationId } } };

/**
 * Sends issue messages, those of several promotions in one request. Nothing is retried here beyond the SDK's own attempts:
 * users of a message that SQS did not take are sent again when their lease lapses.
 */
export function batchSender(sqs: SQSClient, queueUrl: string): Send {
  let gathered: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;

  const flush = () => {
    clearTimeout(timer);
    const batch = gathered;
    gathered = [];
    void deliver(batch);
  };

  async function deliver(batch: Waiting[]): Promise<void> {
    try {
      const Entries = batch.map(({ message }, i) => ({ Id: String(i), MessageBody: encodeIssueMessage(message), ...correlationOf(message) }));
      // SendMessageBatch succeeds with Failed entries in it.
      const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
      const reasons = new Map(Failed.map(({ Id, Code, Message }) => [Id, `${Code ?? 'unknown'} ${Message ?? ''}`.trim()]));
      for (const [i, { resolve, reject }] of batch.entries()) {
        const reason = reasons.get(String(i));
        if (reason === undefined) resolve();
        else reject(new Error(`SQS did not take the message: ${reason}`));
      }
    } catch (error) {
      for (const { reject } of batch) reject(new Error('SQS could not be reached', { cause: error }));
    }
  }

  return (message) =>
    new Promise((resolve, reject) => {
      gathered.push({ message, resolve, reject });
      if (gathered.length === BATCH_MESSAGES_MAX) flush();
      else if (gathered.length === 1) timer = setTimeout(flush, GATHER_MS);
    });
}
