import { setTimeout as pause } from 'node:timers/promises';
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { firstLine } from './failure.ts';
import type { InvokeResult } from './function-process.ts';
import { REGION } from './intrinsics.ts';

export interface EventSourceOptions {
  client: SQSClient;
  queueUrl: string;
  queueArn: string;
  batchSize: number;
  /** How many batches may be in the function at once. */
  pollers: number;
  reportsItemFailures: boolean;
  invoke(payload: string): Promise<InvokeResult>;
  /** Lets polls that wait return at once: to break one off from this side would hide the messages that are on their way. */
  endPolls(): void;
  log(sentence: string): void;
}

export interface EventSource {
  /** Works off what is in the queue now, for at most `drainMs`, lets running calls end and then resolves. */
  stop(drainMs: number): Promise<void>;
}

/** Long enough to spare the processor; a stop that just misses a poll waits no longer than this. */
const WAIT_SECONDS = 1;
const RETRY_DELAY_MS = 1_000;

/** Moves a queue's messages to a function as Lambda's event source mapping does. */
export function startEventSource(options: EventSourceOptions): EventSource {
  let stopAtMs = Infinity;
  let stopping = false;

  const poll = async (): Promise<void> => {
    while (Date.now() < stopAtMs) {
      try {
        const messages = await receive(options, stopping ? 0 : WAIT_SECONDS);
        if (messages.length > 0) await process(options, messages);
        else if (stopping) return;
      } catch (error) {
        if (stopping) return;
        options.log(`The queue can't be polled (${firstLine(error)}); trying again in ${RETRY_DELAY_MS / 1000} s.`);
        await pause(RETRY_DELAY_MS);
      }
    }
  };
  const pollers = Array.from({ length: options.pollers }, poll);

  return {
    async stop(drainMs) {
      stopping = true;
      stopAtMs = Date.now() + drainMs;
      options.endPolls();
      await Promise.all(pollers);
    },
  };
}

async function receive(options: EventSourceOptions, waitSeconds: number): Promise<Message[]> {
  const { Messages: messages = [] } = await options.client.send(
    new ReceiveMessageCommand({
      QueueUrl: options.queueUrl,
      MaxNumberOfMessages: options.batchSize,
      WaitTimeSeconds: waitSeconds,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    }),
  );
  return messages;
}

/** Runs one batch. Messages that failed are left alone: they come back when their visibility timeout ends. */
async function process(options: EventSourceOptions, messages: Message[]): Promise<void> {
  const result = await options.invoke(JSON.stringify({ Records: messages.map((message) => toRecord(message, options.queueArn)) }));
  const failed = failedIds(result, messages, options.reportsItemFailures);
  const done = messages.filter(({ MessageId: id }) => !failed.has(id ?? ''));
  if (done.length === 0) return;
  const { Failed: undeleted = [] } = await options.client.send(
    new DeleteMessageBatchCommand({
      QueueUrl: options.queueUrl,
      Entries: done.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
    }),
  );
  if (undeleted.length > 0) options.log(`${undeleted.length} finished messages could not be deleted and will come again.`);
}

/** A record of an SQS event: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
function toRecord(message: Message, queueArn: string): unknown {
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes ?? {},
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, { StringValue, BinaryValue, DataType }]) => [
        name,
        {
          stringValue: StringValue,
          binaryValue: BinaryValue === undefined ? undefined : Buffer.from(BinaryValue).toString('base64'),
          stringListValues: [],
          binaryListValues: [],
          dataType: DataType,
        },
      ]),
    ),
    md5OfBody: message.MD5OfBody,
    md5OfMessageAttributes: message.MD5OfMessageAttributes,
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: REGION,
  };
}

/**
 * The ids of the messages of a batch that failed. A batch succeeds as a whole when the function answers nothing, or no or
 * an empty list of failures; it fails as a whole when the function fails, and when an item of its list has no id,
 * an empty one or one that is not in the batch.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 */
export function failedIds(result: InvokeResult, messages: readonly Message[], reportsItemFailures: boolean): Set<string> {
  const all = new Set(messages.map(({ MessageId: id }) => id ?? ''));
  if (result.outcome !== 'answered') return all;
  if (!reportsItemFailures) return new Set();
  let answer: unknown;
  try {
    answer = JSON.parse(result.payload);
  } catch {
    return all;
  }
  if (answer === null || answer === '') return new Set();
  if (typeof answer !== 'object' || Array.isArray(answer)) return all;
  const failures = (answer as { batchItemFailures?: unknown }).batchItemFailures ?? [];
  if (!Array.isArray(failures)) return all;
  const ids = failures.map((item: { itemIdentifier?: unknown } | null) => item?.itemIdentifier);
  return ids.every((id) => typeof id === 'string' && all.has(id)) ? new Set(ids as string[]) : all;
}
