import { createHash } from 'node:crypto';
import { GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageBatchCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { failedIds, startEventSource, type EventSource } from '../../local/event-source.ts';
import type { InvokeResult } from '../../local/function-process.ts';
import { queueArn } from '../../local/intrinsics.ts';
import { localQueueUrl } from '../../local/replacements.ts';
import { startSqs, type LocalSqs } from '../../local/sqs.ts';
import { temporaryDir } from './tiny-assembly.ts';

interface SqsRecord {
  messageId: string;
  body: string;
  attributes: Record<string, string>;
}
type Batch = SqsRecord[];
interface Tested {
  sqs: LocalSqs;
  source: EventSource;
  batches: Batch[];
  queueUrl: string;
  deadUrl: string;
}

const MAX_RECEIVES = 2;
const ok: InvokeResult = { outcome: 'answered', payload: 'null' };
const reporting = (ids: string[]): InvokeResult => ({
  outcome: 'answered',
  payload: JSON.stringify({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) }),
});

async function start(onBatch: (batch: Batch) => InvokeResult | Promise<InvokeResult>, pollers = 1, visibilitySeconds = 1): Promise<Tested> {
  const redrive = JSON.stringify({ deadLetterTargetArn: queueArn('Dead'), maxReceiveCount: MAX_RECEIVES });
  const sqs = await startSqs({
    dataDir: temporaryDir(),
    queues: [
      { id: 'Dead', arn: queueArn('Dead'), attributes: {} },
      { id: 'Work', arn: queueArn('Work'), attributes: { VisibilityTimeout: String(visibilitySeconds), RedrivePolicy: redrive } },
    ],
  });
  const batches: Batch[] = [];
  const queueUrl = localQueueUrl(sqs.endpoint, 'Work');
  const source = startEventSource({
    client: sqs.client,
    queueUrl,
    queueArn: queueArn('Work'),
    batchSize: 10,
    pollers,
    reportsItemFailures: true,
    log: () => {},
    endPolls: () => sqs.endPolls(),
    async invoke(payload) {
      const { Records: batch } = JSON.parse(payload) as { Records: Batch };
      batches.push(batch);
      return await onBatch(batch);
    },
  });
  onTestFinished(async () => {
    await source.stop(0);
    await sqs.stop();
  });
  return { sqs, source, batches, queueUrl, deadUrl: localQueueUrl(sqs.endpoint, 'Dead') };
}

async function send({ sqs, queueUrl }: Tested, ...bodies: string[]): Promise<void> {
  const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
  await sqs.client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
}

/** How many messages are in a queue, visible or not. */
async function depth({ sqs }: Tested, url: string): Promise<number> {
  const { Attributes: attributes = {} } = await sqs.client.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }));
  return Number(attributes.ApproximateNumberOfMessages) + Number(attributes.ApproximateNumberOfMessagesNotVisible);
}

const soon = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 8000, interval: 20 });
const bodies = (batches: Batch[]): string[] => batches.flat().map(({ body }) => body);

it('hands messages over as Lambda does and deletes them', async () => {
  const tested = await start(() => ok);
  await send(tested, '{"v":1}');
  await soon(() => expect(tested.batches).toHaveLength(1));
  expect(tested.batches[0]).toEqual([
    {
      messageId: expect.any(String) as string,
      receiptHandle: expect.any(String) as string,
      body: '{"v":1}',
      attributes: expect.objectContaining({ ApproximateReceiveCount: '1', SentTimestamp: expect.any(String) as string }) as object,
      messageAttributes: {},
      md5OfBody: createHash('md5').update('{"v":1}').digest('hex'),
      eventSource: 'aws:sqs',
      eventSourceARN: queueArn('Work'),
      awsRegion: 'us-east-1',
    },
  ]);
  await soon(async () => expect(await depth(tested, tested.queueUrl)).toBe(0));
});

it('keeps only the messages that a batch reports as failed, and moves them to the dead-letter queue in the end', async () => {
  const tested = await start((batch) => reporting(batch.filter(({ body }) => body === 'bad').map(({ messageId }) => messageId)));
  await send(tested, 'good', 'bad', 'fine');
  await soon(async () => expect(await depth(tested, tested.deadUrl)).toBe(1));
  expect(bodies(tested.batches).toSorted()).toEqual(['bad', 'bad', 'fine', 'good']);
  expect(tested.batches.flat().filter(({ body }) => body === 'bad').map(({ attributes }) => attributes.ApproximateReceiveCount)).toEqual(['1', '2']);
  expect(await depth(tested, tested.queueUrl)).toBe(0);
});

it('keeps a whole batch whose function fails, and delivers it again', async () => {
  const results: InvokeResult[] = [{ outcome: 'failed', error: { errorType: 'E', errorMessage: '' } }];
  const tested = await start(() => results.shift() ?? ok);
  await send(tested, 'a', 'b');
  await soon(async () => expect(await depth(tested, tested.queueUrl)).toBe(0));
  expect(bodies(tested.batches).toSorted()).toEqual(['a', 'a', 'b', 'b']);
  expect(await depth(tested, tested.deadUrl)).toBe(0);
});

it('has at most as many batches in the function as it has pollers', async () => {
  let running = 0;
  let most = 0;
  const tested = await start(
    async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running -= 1;
      return ok;
    },
    2,
    30,
  );
  for (let sent = 0; sent < 12; sent += 1) {
    await tested.sqs.client.send(new SendMessageCommand({ QueueUrl: tested.queueUrl, MessageBody: String(sent) }));
  }
  await soon(() => expect(bodies(tested.batches)).toHaveLength(12));
  expect(most).toBe(2);
});

it('works off what is queued when it stops, and loses nothing', async () => {
  const tested = await start(() => ok, 2, 30);
  const sent = Array.from({ length: 10 }, (_, index) => `message ${index}`);
  await send(tested, ...sent);
  await tested.source.stop(5000);
  expect(bodies(tested.batches).toSorted()).toEqual(sent);
  expect(await depth(tested, tested.queueUrl)).toBe(0);
  await send(tested, 'later');
  const { Messages: messages = [] } = await tested.sqs.client.send(new ReceiveMessageCommand({ QueueUrl: tested.queueUrl }));
  expect(messages.map(({ Body }) => Body)).toEqual(['later']);
});

it.each([
  ['works off also what no poll has fetched yet when it stops', 5000],
  ['leaves what it has no time for in the queue when it stops', 0],
])('%s', async (_what, drainMs) => {
  const release = Promise.withResolvers<InvokeResult>();
  const tested = await start(() => release.promise, 1, 30);
  const sent = Array.from({ length: 12 }, (_, index) => `message ${index}`);
  // The only poller is busy with the first when the others come, and they are more than the next poll takes.
  await send(tested, ...sent.slice(0, 1));
  await soon(() => expect(tested.batches).toHaveLength(1));
  await send(tested, ...sent.slice(1, 6));
  await send(tested, ...sent.slice(6));
  const stopped = tested.source.stop(drainMs);
  release.resolve(ok);
  await stopped;
  const workedOff = drainMs === 0 ? sent.slice(0, 1) : sent;
  expect(bodies(tested.batches).toSorted()).toEqual(workedOff.toSorted());
  expect(await depth(tested, tested.queueUrl)).toBe(sent.length - workedOff.length);
});

describe('what a batch reports as failed', () => {
  const messages = ['m1', 'm2'].map((MessageId) => ({ MessageId }));
  const failed = (answer: string): string[] => [...failedIds({ outcome: 'answered', payload: answer }, messages, true)];

  it.each(['null', '""', '{}', '{"batchItemFailures":null}', '{"batchItemFailures":[]}'])('nothing: %s', (answer) => {
    expect(failed(answer)).toEqual([]);
  });

  it('those that it names', () => {
    expect(failed('{"batchItemFailures":[{"itemIdentifier":"m2"}]}')).toEqual(['m2']);
  });

  it.each([
    '{"batchItemFailures":[{"itemIdentifier":""}]}',
    '{"batchItemFailures":[{"itemIdentifier":null}]}',
    '{"batchItemFailures":[{"id":"m1"}]}',
    '{"batchItemFailures":[null]}',
    '{"batchItemFailures":["m1"]}',
    '{"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"m9"}]}',
    '{"batchItemFailures":"m1"}',
    '[]',
    '1',
    'not JSON',
  ])('everything: %s', (answer) => {
    expect(failed(answer)).toEqual(['m1', 'm2']);
  });

  it('everything when the function fails, nothing when reports were not asked for', () => {
    expect([...failedIds({ outcome: 'throttled' }, messages, true)]).toEqual(['m1', 'm2']);
    const answer = '{"batchItemFailures":[{"itemIdentifier":"m2"}]}';
    expect([...failedIds({ outcome: 'answered', payload: answer }, messages, false)]).toEqual([]);
  });
});
