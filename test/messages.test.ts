import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand, SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeIssueMessage } from '../lambda/queue/issue-message.ts';
import { keysOf } from '../lambda/queue/keys.ts';
import { expectFirstTicketsWon, settled, systemForFile, uniquePromotionId, users } from './system-for-tests.ts';

const on = systemForFile();
let sqs: SQSClient;

beforeAll(() => {
  sqs = new SQSClient({ endpoint: on.system.endpoints.sqsEndpoint, region: 'us-east-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } });
});
afterAll(() => sqs.destroy());

const send = (body: string) => sqs.send(new SendMessageCommand({ QueueUrl: on.system.endpoints.queueUrl, MessageBody: body }));

/** A fixed, repeatable disorder. */
function shuffled<T>(items: T[], seed = 42): T[] {
  let state = seed;
  const random = () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  return items.map((item) => ({ item, at: random() })).toSorted((a, b) => a.at - b.at).map(({ item }) => item);
}

describe('messages', () => {
  test('duplicated, shuffled, early and strange ones change nothing: the first tickets win, once each', async () => {
    const p = uniquePromotionId();
    await on.api.initStock(p, 40);
    await on.api.control(p, 'pause');
    await Promise.all(users(120).map((user) => on.api.join(p, user)));
    await on.api.control(p, 'resume');
    const everyone = shuffled([...users(120), ...users(120), ...users(30, 500)]);
    const forged: Promise<unknown>[] = [];
    for (let i = 0; i < everyone.length; i += 15) forged.push(send(encodeIssueMessage({ promotionId: p, userIds: everyone.slice(i, i + 15) })));
    await Promise.all(forged);
    const after = await settled(on.redis, p);
    expectFirstTicketsWon(after, 40);
    expect(after.stock).toBe(0);
    // And once more, long after.
    await send(encodeIssueMessage({ promotionId: p, userIds: users(100) }));
    await expect.poll(() => depth(on.system.endpoints.queueUrl)).toBe(0);
    expectFirstTicketsWon(await settled(on.redis, p), 40);
  });

  test('users whose message was lost are sent again when their lease has lapsed', async () => {
    const p = uniquePromotionId();
    await on.api.initStock(p, 100);
    await on.api.control(p, 'pause');
    for (const user of users(8)) await on.api.join(p, user);
    // What a loop leaves behind that is killed between drain and send: in processing, with a lease, and no message.
    const k = keysOf(p);
    const stuck = users(3);
    await on.redis
      .multi()
      .lpop(k.waitingQueue, 3)
      .hset(k.promotion, '#nowServing', '3')
      .sadd(k.processing, stuck)
      .mset(stuck.flatMap((user) => [k.userStatusPrefix + user, 'PROCESSING']))
      .zadd(k.lease, ...stuck.flatMap((user) => [Date.now() + 500, user]))
      .exec();
    await expect.poll(() => on.api.stateOf(p, 'u1'), { timeout: 10_000 }).toBe('COMPLETED');
    await on.api.control(p, 'resume');
    expectFirstTicketsWon(await settled(on.redis, p), 8);
  });

  test('a message that nobody can read ends in the dead-letter queue; its siblings are issued', async () => {
    const { queueUrl, deadLetterQueueUrl } = on.system.endpoints;
    // A message comes again after the visibility timeout: a second, for this test.
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: { VisibilityTimeout: '1' } }));
    const poison = JSON.stringify({ v: 2, from: 'the future' });
    await send(poison);
    const p = uniquePromotionId();
    await on.api.initStock(p, 10);
    await Promise.all(users(20).map((user) => on.api.join(p, user)));
    expectFirstTicketsWon(await settled(on.redis, p), 10);
    await expect.poll(() => depth(deadLetterQueueUrl), { timeout: 20_000, interval: 200 }).toBe(1);
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: deadLetterQueueUrl }));
    expect(Messages?.map(({ Body }) => Body)).toEqual([poison]);
    expect(await depth(queueUrl)).toBe(0);
    // Each delivery was logged, the last one as the fifth.
    const logs = path.join(on.dataDir, 'logs');
    const logged = () => readdirSync(logs).map((file) => readFileSync(path.join(logs, file), 'utf8')).join('\n').split('\n').filter((line) => line.includes('A message was not issued'));
    await expect.poll(() => logged().length, { timeout: 10_000 }).toBe(5);
    expect(logged().at(-1)).toMatch(/"receiveCount":"5".*v is not as expected/);
  });
});

async function depth(queueUrl: string): Promise<number> {
  const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...AttributeNames] }));
  return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name]), 0);
}
