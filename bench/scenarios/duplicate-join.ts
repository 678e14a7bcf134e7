import { Redis } from 'ioredis';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { connectRedis } from '../../lambda/queue/redis.ts';
import { batched, rolling, userId } from '../batches.ts';
import { scriptContender, setContender } from '../contenders/floor.ts';
import { type RivalName, withRivals } from '../contenders/rivals.ts';
import { costTable } from '../cost-table.ts';
import { gather } from '../gathered-client.ts';
import { onOwnRedis } from '../own-redis.ts';
import { type Contender, ratio, takeTurns } from '../rounds.ts';
import type { Figure, Scenario } from '../scenario.ts';

const ROUNDS = { full: 15, check: 7 };
const OPERATIONS = 10_000;

export const scenario: Scenario = {
  name: 'duplicate-join',
  title: 'Join of a known user',
  method:
    'A phone that sends its join again: each operation joins a user who stands in line already, in a line of 10,000, 50 callers at once. Beside it BullMQ’s add of an existing job id and bee-queue’s save of one, ' +
    'which say no more than that nothing was added, where a join answers the present place. Streams know no duplicates. The figure over SET is measured with 50 commands in one write.',
  run: (bench) =>
    onOwnRedis((url, watch) => {
      const names: RivalName[] = bench.effort === 'check' ? ['BullMQ'] : ['BullMQ', 'bee-queue'];
      return withRivals(names, { url, promotion: 'rival', stock: OPERATIONS }, async (rivals) => {
        const redis = new Redis(url, { protocol: 2 });
        const client = connectRedis({ url, mode: 'cluster' });
        try {
          const known = Array.from({ length: OPERATIONS }, (_, index) => userId(index, 0));
          const gathered = gather(redis);
          await initStock(client, 'known', OPERATIONS);
          await batched(OPERATIONS, (index) => join(gathered.client, 'known', userId(index, 0)), gathered.flush);
          for (const rival of rivals) await rival.addMany(known);
          const plan = { rounds: ROUNDS[bench.effort], operations: OPERATIONS };

          const pipelined: Contender[] = [
            setContender(redis, 'pipelined'),
            await scriptContender(redis, 'pipelined'),
            { name: 'join', run: (operations) => batched(operations, (index) => join(gathered.client, 'known', userId(index, 0)), gathered.flush) },
          ];
          const strict = await takeTurns(bench, watch, pipelined, plan);
          const atOnce: Contender[] = [
            setContender(redis, '50 at once'),
            await scriptContender(redis, '50 at once'),
            { name: 'join', run: (operations) => rolling(operations, (index) => join(client, 'known', userId(index, 0))) },
            ...rivals.map((rival) => ({ name: rival.name, run: (operations: number) => rolling(operations, (index) => rival.add(userId(index, 0))) })),
          ];
          const loose = await takeTurns(bench, watch, atOnce, plan);

          const figures: Figure[] = [
            { name: 'duplicate join: server CPU ÷ SET', unit: '×', value: ratio(strict, 'join', 'SET', 'serverMicros'), better: 'lower', checked: true },
            { name: 'BullMQ add ÷ duplicate join: server CPU', unit: '×', value: ratio(loose, 'BullMQ', 'join', 'serverMicros'), better: 'higher', checked: true },
            { name: 'duplicate join ÷ BullMQ add: rate', unit: '×', value: ratio(loose, 'join', 'BullMQ', 'perSecond'), better: 'higher', checked: false },
          ];
          return {
            tables: [
              costTable({ name: 'duplicate-join-pipelined', title: 'Join of a known user, pipelined', contenders: pipelined, measured: strict, base: 'SET' }),
              costTable({ name: 'duplicate-join-at-once', title: 'Join of a known user, 50 at once', contenders: atOnce, measured: loose, base: 'SET' }),
            ],
            figures,
          };
        } finally {
          redis.disconnect();
          client.disconnect();
        }
      });
    }),
};
