import { Redis } from 'ioredis';
import { drain } from '../../lambda/queue/drain.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { decodeIssueMessage, issueMessages, type IssueMessage } from '../../lambda/queue/issue-message.ts';
import { batchSender, type Send } from '../../lambda/queue/send.ts';
import { connectRedis, type RedisClient } from '../../lambda/queue/redis.ts';
import { localQueueUrl } from '../../local/replacements.ts';
import { startEventSource } from '../../local/event-source.ts';
import { queueArn } from '../../local/intrinsics.ts';
import { startSqs } from '../../local/sqs.ts';
import { userId } from '../batches.ts';
import { fillLine } from '../fill-line.ts';
import { inOwnFolder } from '../own-folder.ts';
import { onOwnRedis } from '../own-redis.ts';
import { type Contender, ratio, sample, takeTurns } from '../rounds.ts';
import type { Scenario } from '../scenario.ts';

const BATCH_SIZE = 1000;
/** One promotion for each batch, so that no interval is waited for. */
const BATCHES = 20;
const ROUNDS = 7;
const POLLERS = 2;
const QUEUE_ID = 'Issuing';
const MESSAGES_PER_CALL = 10;
const DRAIN_MS = 1000;
const PACE = { batchSize: BATCH_SIZE, drainIntervalMs: 60_000, leaseMs: 60_000, maxInFlight: BATCH_SIZE };

const DIRECT = 'without SQS';
const THROUGH = 'through SQS';
const MESSAGES = 'SQS alone';

export const scenario: Scenario = {
  name: 'sqs',
  title: 'Drain and issue, with SQS and without',
  method:
    'Batches of 1,000 users are drained and issued by one process, which is also the SQS emulator: at once, in calls of 100; or as messages that go through the emulator over HTTP and come back by its event source; or as the same messages without Redis. Client CPU is of all three parts.',
  run: (bench) =>
    onOwnRedis((url, server) =>
      inOwnFolder(async (folder) => {
        const redis = new Redis(url, { protocol: 2 });
        const client = connectRedis({ url, mode: 'cluster' });
        const sqs = await startSqs({ dataDir: folder, queues: [{ id: QUEUE_ID, arn: queueArn(QUEUE_ID), attributes: {} }] });
        const queueUrl = localQueueUrl(sqs.endpoint, QUEUE_ID);
        const inbox = new Inbox();
        const eventSource = startEventSource({
          client: sqs.client,
          queueUrl,
          queueArn: queueArn(QUEUE_ID),
          batchSize: MESSAGES_PER_CALL,
          pollers: POLLERS,
          reportsItemFailures: false,
          async invoke(payload) {
            const { Records: records } = JSON.parse(payload) as { Records: { body: string }[] };
            await inbox.take(records.map(({ body }) => decodeIssueMessage(body)));
            return { outcome: 'answered', payload: 'null' };
          },
          endPolls: () => sqs.endPolls(),
          log: (sentence) => console.error(sentence),
        });
        try {
          const contenders = contendersOn(redis, client, batchSender(sqs.client, queueUrl), inbox);
          const measured = await takeTurns(bench, server, contenders, { rounds: ROUNDS, operations: BATCHES * BATCH_SIZE });
          return {
            tables: [
              {
                name: 'sqs',
                title: 'Drain and issue of one user',
                columns: [
                  { name: 'rate', unit: '/s' },
                  { name: '÷ without SQS', unit: '×' },
                  { name: 'server CPU', unit: 'µs' },
                  { name: 'client CPU', unit: 'µs' },
                ],
                rows: contenders.map(({ name }) => ({
                  name,
                  values: {
                    rate: sample(measured, name, 'perSecond'),
                    '÷ without SQS': ratio(measured, name, DIRECT, 'perSecond'),
                    'server CPU': sample(measured, name, 'serverMicros'),
                    'client CPU': sample(measured, name, 'clientMicros'),
                  },
                })),
                chart: { kind: 'bars', columns: ['rate'] },
              },
            ],
            figures: [],
          };
        } finally {
          await eventSource.stop(DRAIN_MS);
          await sqs.stop();
          redis.disconnect();
          client.disconnect();
        }
      }),
    ),
};

/** What becomes of messages that arrive: a contender says it, and waits until all have. */
class Inbox {
  #left = 0;
  #handle: (message: IssueMessage) => Promise<unknown> = async () => undefined;
  #failed: (error: unknown) => void = () => undefined;
  #done: () => void = () => undefined;

  /** Resolves when so many users' messages have come and been handled. */
  expect(users: number, handle: (message: IssueMessage) => Promise<unknown>): Promise<void> {
    this.#left = users;
    this.#handle = handle;
    return new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
    });
  }

  async take(messages: readonly IssueMessage[]): Promise<void> {
    try {
      await Promise.all(messages.map((message) => this.#handle(message)));
    } catch (error) {
      this.#failed(error);
      throw error;
    }
    for (const { userIds } of messages) this.#left -= userIds.length;
    if (this.#left <= 0) this.#done();
  }
}

function contendersOn(redis: Redis, client: RedisClient, send: Send, inbox: Inbox): Contender[] {
  const promotionIds = Array.from({ length: BATCHES }, (_, batch) => `p${batch}`);
  const prepare = async () => {
    await redis.flushdb();
    for (const id of promotionIds) await fillLine(redis, id, BATCH_SIZE);
  };
  const admit = async (promotionId: string): Promise<IssueMessage[]> => {
    const outcome = await drain(client, promotionId, PACE);
    if (outcome.kind !== 'DRAINED' || outcome.admitted.length < BATCH_SIZE) throw new Error(`A batch of ${promotionId} was not admitted in full.`);
    return issueMessages(promotionId, outcome.admitted);
  };
  const issueOne = async ({ promotionId, userIds }: IssueMessage) => {
    const { completed } = await issue(client, promotionId, userIds);
    if (completed < userIds.length) throw new Error(`A message of ${promotionId} was not issued in full.`);
  };
  return [
    {
      name: DIRECT,
      prepare,
      async run() {
        for (const id of promotionIds) await Promise.all((await admit(id)).map(issueOne));
      },
    },
    {
      name: THROUGH,
      prepare,
      async run(users) {
        const issued = inbox.expect(users, issueOne);
        for (const id of promotionIds) await Promise.all((await admit(id)).map(send));
        await issued;
      },
    },
    {
      name: MESSAGES,
      async run(users, round) {
        const arrived = inbox.expect(users, async () => undefined);
        const batch = Array.from({ length: BATCH_SIZE }, (_, index) => userId(index, round));
        for (const id of promotionIds) await Promise.all(issueMessages(id, batch).map(send));
        await arrived;
      },
    },
  ];
}
