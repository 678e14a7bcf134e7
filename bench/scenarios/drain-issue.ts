import { Redis } from 'ioredis';
import { connectRedis } from '../../lambda/queue/redis.ts';
import { userId } from '../batches.ts';
import { bareDrainIssue } from '../contenders/bare-drain-issue.ts';
import { drainIssueContender } from '../contenders/own-queue.ts';
import type { Rival, RivalWorker } from '../contenders/rival.ts';
import { RIVALS_SAID, rivalNames, withRivals } from '../contenders/rivals.ts';
import { costTable } from '../cost-table.ts';
import { gather } from '../gathered-client.ts';
import { onOwnRedis } from '../own-redis.ts';
import { type Contender, ratio, takeTurns } from '../rounds.ts';
import type { Figure, Scenario } from '../scenario.ts';

const ROUNDS = { full: 11, check: 5 };
/** Users that a rival serves in a round: about half a second of work. */
const RIVAL_USERS = 5000;
const RIVAL_STOCK = 1_000_000;
/** Batches of a round, each of another promotion: a tenth to a quarter of a second of work. */
const BATCHES = { 100: 256, '1,000': 64 } as const;

const nameOf = (batch: keyof typeof BATCHES) => `drain + issue, batch ${batch}`;

export const scenario: Scenario = {
  name: 'drain-issue',
  title: 'Drain and issue',
  method:
    'From the line to the coupon, without SQS: per user of a batch that is drained and issued, in the messages of at most 100 users that the loop sends; while one batch is issued the next is drained, as by loop and issuer, eight promotions at a time (the loop visits all that are due at once). ' +
    'A promotion is drained at most every 50 ms, so each round takes one batch of each of many promotions (256 of 100 users, 64 of 1,000), whose lines were filled just before: nothing waits. Bare commands are the floor: the same reads and writes of the same batches without a script, a check or a loop. ' +
    `Beside it workers of the rivals, who find ${RIVAL_USERS.toLocaleString('en-US')} users in their line when they begin. ${RIVALS_SAID}`,
  run: (bench) =>
    onOwnRedis((url, watch) =>
      withRivals(bench.effort === 'check' ? ['BullMQ'] : rivalNames, { url, promotion: 'rival', stock: RIVAL_STOCK }, async (rivals) => {
        const redis = new Redis(url, { protocol: 2 });
        const client = connectRedis({ url, mode: 'cluster' });
        try {
          const gathered = gather(redis);
          const rounds = ROUNDS[bench.effort];
          const own = (batch: keyof typeof BATCHES, batchSize: number) =>
            drainIssueContender({ redis: client, gathered, name: nameOf(batch), batchSize, promotions: BATCHES[batch], rounds: rounds + 1 });
          const floor = bench.effort === 'full' ? [await bareDrainIssue({ redis, client, gathered, batchSize: 1000, promotions: BATCHES['1,000'], rounds: rounds + 1 })] : [];
          const contenders = [await own(100, 100), await own('1,000', 1000), ...floor, ...rivals.map(serving)];
          const measured = await takeTurns(bench, watch, contenders, { rounds, operations: RIVAL_USERS });

          const figures = (['100', '1,000'] as const).flatMap((batch): Figure[] => {
            const name = `drain + issue, batch ${batch}`;
            return [
              { name: `drain + issue ÷ BullMQ worker: rate, batch ${batch}`, unit: '×', value: ratio(measured, name, 'BullMQ', 'perSecond'), better: 'higher', checked: false },
              { name: `BullMQ worker ÷ drain + issue: server CPU, batch ${batch}`, unit: '×', value: ratio(measured, 'BullMQ', name, 'serverMicros'), better: 'higher', checked: true },
            ];
          });
          return {
            tables: [costTable({ name: 'drain-issue', title: 'Drain and issue, per user', contenders, measured, base: nameOf(100) })],
            figures,
          };
        } finally {
          redis.disconnect();
          client.disconnect();
        }
      }),
    ),
};

/** Fills the line of a rival and opens its worker, untimed, and lets it serve them all. */
export function serving(rival: Rival): Contender {
  let worker: RivalWorker | undefined;
  return {
    name: rival.name,
    operations: RIVAL_USERS,
    async prepare(round) {
      await rival.addMany(Array.from({ length: RIVAL_USERS }, (_, index) => userId(index, round)));
      worker = await rival.openWorker();
    },
    run: async (operations) => worker?.serve(operations),
    finish: async () => worker?.close(),
  };
}
