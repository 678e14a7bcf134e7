import { networkInterfaces } from 'node:os';
import { connect } from 'node:net';
import { once } from 'node:events';
import { GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { expect, it, onTestFinished } from 'vitest';
import { queueArn } from '../../local/intrinsics.ts';
import { localQueueUrl } from '../../local/replacements.ts';
import { startSqs, type LocalSqs } from '../../local/sqs.ts';
import { temporaryDir } from './tiny-assembly.ts';

const withAttributes = (attributes: Record<string, string>) => [
  { id: 'Dead', arn: queueArn('Dead'), attributes: {} },
  { id: 'Work', arn: queueArn('Work'), attributes },
];
const redrive = (maxReceiveCount: number): string => JSON.stringify({ deadLetterTargetArn: queueArn('Dead'), maxReceiveCount });
const attributesOf = async ({ client, endpoint }: LocalSqs): Promise<Record<string, string> | undefined> =>
  (await client.send(new GetQueueAttributesCommand({ QueueUrl: localQueueUrl(endpoint, 'Work'), AttributeNames: ['All'] }))).Attributes;

it('keeps messages over a restart, with the attributes of the newest template', async () => {
  const dataDir = temporaryDir();
  const first = await startSqs({ dataDir, queues: withAttributes({ VisibilityTimeout: '30', RedrivePolicy: redrive(5) }) });
  await first.client.send(new SendMessageCommand({ QueueUrl: localQueueUrl(first.endpoint, 'Work'), MessageBody: 'kept' }));
  expect(await attributesOf(first)).toMatchObject({ VisibilityTimeout: '30', RedrivePolicy: redrive(5) });
  await first.stop();

  const second = await startSqs({ dataDir, queues: withAttributes({ VisibilityTimeout: '50', MessageRetentionPeriod: '600' }) });
  onTestFinished(() => second.stop());
  const attributes = await attributesOf(second);
  expect(attributes).toMatchObject({ VisibilityTimeout: '50', MessageRetentionPeriod: '600' });
  expect(attributes).not.toHaveProperty('RedrivePolicy');
  const { Messages: messages } = await second.client.send(new ReceiveMessageCommand({ QueueUrl: localQueueUrl(second.endpoint, 'Work') }));
  expect(messages?.map(({ Body }) => Body)).toEqual(['kept']);
});

it('listens on the loopback interface only', async () => {
  const sqs = await startSqs({ dataDir: temporaryDir(), queues: [] });
  onTestFinished(() => sqs.stop());
  expect(sqs.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const outside = Object.values(networkInterfaces()).flat().find((one) => one?.internal === false && one.family === 'IPv4');
  if (outside === undefined) return;
  const socket = connect(Number(new URL(sqs.endpoint).port), outside.address);
  await expect(once(socket, 'connect')).rejects.toThrow('ECONNREFUSED');
});
