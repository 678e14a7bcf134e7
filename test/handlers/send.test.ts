import { createServer } from 'node:http';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { decodeIssueMessage, issueMessages } from '../../lambda/queue/issue-message.ts';
import { batchSender, connectSqs } from '../../lambda/queue/send.ts';

const sqs = mockClient(SQSClient);
const url = 'http://127.0.0.1:1/000000000000/queue';
const send = batchSender(new SQSClient({}), url);
const message = (promotionId: string) => ({ promotionId, userIds: ['a'] });
const requests = () => sqs.commandCalls(SendMessageBatchCommand).map((call) => call.args[0].input);

beforeEach(() => sqs.reset());

describe('sending', () => {
  test('messages of several promotions share a request, ten at most', async () => {
    sqs.on(SendMessageBatchCommand).resolves({ Successful: [] });
    await Promise.all(Array.from({ length: 23 }, (_, i) => send(message(`p${i}`))));
    expect(requests().map(({ Entries }) => Entries?.length)).toEqual([10, 10, 3]);
    expect(requests()[0]?.QueueUrl).toBe(url);
    const bodies = requests().flatMap(({ Entries = [] }) => Entries.map(({ MessageBody = '' }) => decodeIssueMessage(MessageBody)));
    expect(bodies).toEqual(Array.from({ length: 23 }, (_, i) => expect.objectContaining(message(`p${i}`))));
  });

  test('a message carries its correlation id beside its body', async () => {
    sqs.on(SendMessageBatchCommand).resolves({ Successful: [] });
    await Promise.all([send({ ...message('p0'), correlationId: 'run-7' }), send(message('p1'))]);
    const [first, second] = requests()[0]?.Entries ?? [];
    expect(first).toMatchObject({ MessageAttributes: { correlationId: { DataType: 'String', StringValue: 'run-7' } } });
    expect(second).not.toHaveProperty('MessageAttributes');
    expect(first?.MessageBody).not.toContain('run-7');
  });

  test('a Failed entry in a successful answer fails its own message only', async () => {
    sqs.on(SendMessageBatchCommand).resolves({ Failed: [{ Id: '1', Code: 'InternalError', Message: 'no', SenderFault: false }] });
    const sent = await Promise.allSettled([send(message('p0')), send(message('p1')), send(message('p2'))]);
    expect(sent.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(sent[1]).toMatchObject({ reason: { message: expect.stringContaining('InternalError no') } });
  });

  test('SQS away fails them all, and the next message is sent anew', async () => {
    sqs.on(SendMessageBatchCommand).rejectsOnce(new Error('ECONNREFUSED')).resolves({});
    const sent = await Promise.allSettled([send(message('p0')), send(message('p1'))]);
    expect(sent.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(send(message('p2'))).resolves.toBeUndefined();
  });
});

describe('an SQS that never answers', () => {
  test('two attempts of two seconds, then the message fails', async () => {
    sqs.restore();
    let attempts = 0;
    const silent = createServer(() => void attempts++);
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const before = performance.now();
    await expect(batchSender(connectSqs(), `http://127.0.0.1:${port}/000000000000/queue`)(message('p'))).rejects.toThrow('SQS could not be reached');
    expect(attempts).toBe(2);
    // Two time-outs and a pause between, with room for a slow machine; a run leaves 10 s for all that it has begun.
    expect(performance.now() - before).toBeLessThan(9000);
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });
});

describe('messages', () => {
  test('a hundred users each', () => {
    const userIds = Array.from({ length: 250 }, (_, i) => `u${i}`);
    const messages = issueMessages('p', userIds);
    expect(messages.map((m) => m.userIds.length)).toEqual([100, 100, 50]);
    expect(messages.flatMap((m) => m.userIds)).toEqual(userIds);
    expect(issueMessages('p', [])).toEqual([]);
  });
});
