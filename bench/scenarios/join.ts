import { Redis } from 'ioredis';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { connectRedis } from '../../lambda/queue/redis.ts';
import { batched, rolling, userId } from '../batches.ts';
import { bareJoin, scriptContender, setContender } from '../contenders/floor.ts';
import { gather } from '../gathered-client.ts';
import { onOwnRedis } from '../own-redis.ts';
import { type Contender, type Measured, ratio, sample, takeTurns } from '../rounds.ts';
import type { Column, Scenario, Table } from '../scenario.ts';

const ROUNDS = { full: 15, check: 7 };
const OPERATIONS = 10_000;
const STOCK = 1_000_000;

const columns: Column[] = [
  { name: 'server CPU', unit: 'µs' },
  { name: '÷ SET', unit: '×' },
  { name: 'rate', unit: '/s' },
  { name: 'client CPU', unit: 'µs' },
];

export const scenario: Scenario = {
  name: 'join',
  title: 'Join',
  method:
    'Each operation is a join of a user who is new. Pipelined: 50 commands in one write, so that the system calls of the network (about 5 µs a command, the same for all) do not hide what the commands cost.',
  run: (bench) =>
    onOwnRedis(async (url, watch) => {
      const redis = new Redis(url, { protocol: 2 });
      const client = connectRedis({ url, mode: 'cluster' });
      try {
        for (const promotionId of ['pipelined', 'rolling']) await initStock(client, promotionId, STOCK);
        const gathered = gather(redis);
        const pipelined: Contender[] = [
          setContender(redis, 'pipelined'),
          await scriptContender(redis, 'pipelined'),
          bareJoin(redis),
          {
            name: 'join',
            run: (operations, round) => batched(operations, (index) => join(gathered.client, 'pipelined', userId(index, round)), gathered.flush),
          },
        ];
        const plan = { rounds: ROUNDS[bench.effort], operations: OPERATIONS };
        const strict = await takeTurns(bench, watch, pipelined, plan);
        const figures = [
          { name: 'join: server CPU ÷ SET', unit: '×', value: ratio(strict, 'join', 'SET', 'serverMicros'), better: 'lower', checked: true },
        ] as const;
        const tables: Table[] = [table('join-pipelined', 'Join, pipelined', pipelined, strict)];
        if (bench.effort === 'check') return { tables, figures: [...figures] };

        const atOnce: Contender[] = [
          setContender(redis, '50 at once'),
          await scriptContender(redis, '50 at once'),
          { name: 'join', run: (operations, round) => rolling(operations, (index) => join(client, 'rolling', userId(index, round))) },
        ];
        tables.push(table('join-at-once', 'Join, 50 at once', atOnce, await takeTurns(bench, watch, atOnce, plan)));
        return { tables, figures: [...figures] };
      } finally {
        redis.disconnect();
        client.disconnect();
      }
    }),
};

const table = (name: string, title: string, contenders: readonly Contender[], measured: Measured): Table => ({
  name,
  title,
  columns,
  rows: contenders.map((contender) => ({
    name: contender.name,
    values: {
      'server CPU': sample(measured, contender.name, 'serverMicros'),
      '÷ SET': ratio(measured, contender.name, 'SET', 'serverMicros'),
      rate: sample(measured, contender.name, 'perSecond'),
      'client CPU': sample(measured, contender.name, 'clientMicros'),
    },
  })),
  chart: { kind: 'bars', columns: ['server CPU'] },
});
