import { Redis } from 'ioredis';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { connectRedis } from '../../lambda/queue/redis.ts';
import { AT_ONCE, batched, rolling, userId } from '../batches.ts';
import { bareJoin, scriptContender, setContender } from '../contenders/floor.ts';
import type { Rival } from '../contenders/rival.ts';
import { RIVALS_SAID, rivalNames, withRivals } from '../contenders/rivals.ts';
import { costTable } from '../cost-table.ts';
import { gather } from '../gathered-client.ts';
import { onOwnRedis } from '../own-redis.ts';
import { type Contender, ratio, takeTurns } from '../rounds.ts';
import type { Figure, Scenario } from '../scenario.ts';

const ROUNDS = { full: 15, check: 7 };
const OPERATIONS = 10_000;
const STOCK = 1_000_000;

export const scenario: Scenario = {
  name: 'join',
  title: 'Join',
  method:
    'Each operation is a join of a user who is new. Pipelined: 50 commands in one write, so that the system calls of the network do not hide what the commands cost; the rivals add 50 in the way in which they add many (BullMQ addBulk, which costs the server as much as 50 adds in a pipeline; bee-queue saveAll; a pipeline of XADD). ' +
    `50 at once: as 50 callers of one process, each of which waits for its answer. ${RIVALS_SAID}`,
  run: (bench) =>
    onOwnRedis((url, watch) =>
      withRivals(bench.effort === 'check' ? ['BullMQ'] : rivalNames, { url, promotion: 'rival', stock: STOCK }, async (rivals) => {
        const redis = new Redis(url, { protocol: 2 });
        const client = connectRedis({ url, mode: 'cluster' });
        try {
          for (const promotionId of ['pipelined', 'rolling']) await initStock(client, promotionId, STOCK);
          const gathered = gather(redis);
          const plan = { rounds: ROUNDS[bench.effort], operations: OPERATIONS };

          const pipelined: Contender[] = [
            setContender(redis, 'pipelined'),
            await scriptContender(redis, 'pipelined'),
            bareJoin(redis),
            {
              name: 'join',
              run: (operations, round) => batched(operations, (index) => join(gathered.client, 'pipelined', userId(index, round)), gathered.flush),
            },
            ...rivals.map(addingMany),
          ];
          const strict = await takeTurns(bench, watch, pipelined, plan);

          const atOnce: Contender[] = [
            setContender(redis, '50 at once'),
            await scriptContender(redis, '50 at once'),
            { name: 'join', run: (operations, round) => rolling(operations, (index) => join(client, 'rolling', userId(index, round))) },
            ...rivals.map(adding),
          ];
          const loose = await takeTurns(bench, watch, atOnce, plan);

          const figures: Figure[] = [
            { name: 'join: server CPU ÷ SET', unit: '×', value: ratio(strict, 'join', 'SET', 'serverMicros'), better: 'lower', checked: true },
            { name: 'BullMQ add ÷ join: server CPU', unit: '×', value: ratio(strict, 'BullMQ', 'join', 'serverMicros'), better: 'higher', checked: true },
            { name: 'BullMQ add ÷ join, 50 at once: server CPU', unit: '×', value: ratio(loose, 'BullMQ', 'join', 'serverMicros'), better: 'higher', checked: true },
            { name: 'join ÷ BullMQ add: rate', unit: '×', value: ratio(loose, 'join', 'BullMQ', 'perSecond'), better: 'higher', checked: false },
          ];
          return {
            tables: [
              costTable({ name: 'join-pipelined', title: 'Join, pipelined', contenders: pipelined, measured: strict, base: 'SET' }),
              costTable({ name: 'join-at-once', title: 'Join, 50 at once', contenders: atOnce, measured: loose, base: 'SET' }),
            ],
            figures,
          };
        } finally {
          redis.disconnect();
          client.disconnect();
        }
      }),
    ),
};

const adding = (rival: Rival): Contender => ({
  name: rival.name,
  run: (operations, round) => rolling(operations, (index) => rival.add(userId(index, round))),
});

/** Users of both tables meet in one line, so these have ids of their own. */
const addingMany = (rival: Rival): Contender => ({
  name: rival.name,
  async run(operations, round) {
    for (let first = 0; first < operations; first += AT_ONCE) {
      await rival.addMany(Array.from({ length: Math.min(AT_ONCE, operations - first) }, (_, i) => `m${userId(first + i, round)}`));
    }
  },
});
