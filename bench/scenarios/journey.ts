import { connectRedis, type RedisClient } from '../../lambda/queue/redis.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { keysOf, userStatusKey } from '../../lambda/queue/keys.ts';
import { status } from '../../lambda/queue/status.ts';
import { rolling, userId } from '../batches.ts';
import { drainBatch, fastestPace, issueBatch, serveAll } from '../contenders/own-queue.ts';
import { ReplacedDesign } from '../contenders/replaced-design.ts';
import { connectRival, type Rival } from '../contenders/rival.ts';
import { openRival, RIVALS_SAID, type RivalName, rivalNames } from '../contenders/rivals.ts';
import { costTable } from '../cost-table.ts';
import { onOwnRedis } from '../own-redis.ts';
import { type Contender, ratio, takeTurns } from '../rounds.ts';
import type { Figure, Scenario } from '../scenario.ts';

const ROUNDS = { full: 5, check: 3 };
const USERS = 1500;
const COUPONS = 500;
/** Polls of each user before the line is served, and one more before the last, which tells the result. */
const POLLS_WAITING = 2;
const BATCH_SIZE = COUPONS;
const OURS = 'this system';

export const scenario: Scenario = {
  name: 'journey',
  title: 'The whole journey',
  method:
    `${USERS.toLocaleString('en-US')} users after ${COUPONS.toLocaleString('en-US')} coupons: all join, each polls ${POLLS_WAITING} times, the coupons are issued, each polls once more while the rest of the line loses (here at the next drain, 50 ms later at the earliest, and by the sweep), and a last time; 50 callers at once, no HTTP and no SQS. ` +
    'Figures are per user. Each round counts who won and who lost, and fails if these are not exactly as many as there are coupons and the others. A poll of this system and of the replaced design answers a place in line; ' +
    `the rivals keep none, so theirs is a GET of the status key, and is nothing before a worker has written it. ${RIVALS_SAID}`,
  run: (bench) =>
    onOwnRedis(async (url, watch) => {
      const client = connectRedis({ url, mode: 'cluster' });
      try {
        const names: RivalName[] = bench.effort === 'check' ? ['BullMQ'] : rivalNames;
        const contenders = [ourJourney(client), ...names.map((name) => rivalJourney(url, name))];
        if (bench.effort === 'full') contenders.push(replacedJourney(url));
        const measured = await takeTurns(bench, watch, contenders, { rounds: ROUNDS[bench.effort], operations: USERS });
        const figures: Figure[] = [
          { name: 'journey, BullMQ ÷ this system: server CPU', unit: '×', value: ratio(measured, 'BullMQ', OURS, 'serverMicros'), better: 'higher', checked: true },
        ];
        if (bench.effort === 'full') {
          figures.push({ name: 'journey, this system ÷ BullMQ: rate', unit: '×', value: ratio(measured, OURS, 'BullMQ', 'perSecond'), better: 'higher', checked: false });
          figures.push({ name: 'journey, this system ÷ replaced design: rate', unit: '×', value: ratio(measured, OURS, 'replaced design', 'perSecond'), better: 'higher', checked: false });
        }
        return { tables: [costTable({ name: 'journey', title: 'The whole journey, per user', contenders, measured, base: OURS })], figures };
      } finally {
        client.disconnect();
      }
    }),
};

/** What a journey does, whoever carries it. */
interface Carrier {
  join(userId: string): Promise<unknown>;
  /** What a poll says. */
  poll(userId: string): Promise<string | null>;
  /** Issues the coupons, or serves the whole line. */
  serve(): Promise<void>;
  /** Lets everyone who is left lose. */
  end(): Promise<void>;
  close(): Promise<void>;
}

/** One contender whose every round is a sale of its own. */
function journey(name: string, open: (promotionId: string) => Promise<Carrier>): Contender {
  let carrier: Carrier | undefined;
  return {
    name,
    async prepare(round) {
      carrier = await open(`journey-${name.replaceAll(' ', '-')}-${round}`);
    },
    async run(users, round) {
      const carrying = carrier;
      if (!carrying) return;
      await rolling(users, (index) => carrying.join(userId(index, round)));
      await rolling(users * POLLS_WAITING, (index) => carrying.poll(userId(index % users, round)));
      await carrying.serve();
      await rolling(users, (index) => carrying.poll(userId(index, round)));
      await carrying.end();
      const results = new Map<string | null, number>();
      await rolling(users, async (index) => {
        const said = await carrying.poll(userId(index, round));
        results.set(said, (results.get(said) ?? 0) + 1);
      });
      if (results.get('COMPLETED') !== COUPONS || results.get('FAILED') !== users - COUPONS) {
        throw new Error(`${name} ended with ${JSON.stringify([...results])} for ${COUPONS} coupons and ${users} users.`);
      }
    },
    finish: async () => carrier?.close(),
  };
}

const ourJourney = (redis: RedisClient): Contender =>
  journey(OURS, async (promotionId) => {
    await initStock(redis, promotionId, COUPONS);
    return {
      join: (user) => join(redis, promotionId, user),
      poll: async (user) => (await status(redis, promotionId, user)).kind,
      serve: async () => issueBatch(redis, promotionId, await drainBatch(redis, promotionId, fastestPace(BATCH_SIZE))),
      end: () => serveAll(redis, promotionId, BATCH_SIZE),
      close: async () => undefined,
    };
  });

const rivalJourney = (url: string, name: RivalName): Contender =>
  journey(name, async (promotionId) => {
    const rival = await openRival(name, { url, promotionId, stock: COUPONS });
    const redis = connectRival(url);
    return carried(rival, {
      poll: (user) => redis.get(userStatusKey(promotionId, user)),
      disconnect: () => redis.disconnect(),
    });
  });

const replacedJourney = (url: string): Contender =>
  journey('replaced design', async (promotionId) => {
    const design = new ReplacedDesign({ url, promotionId });
    const redis = connectRival(url);
    await redis.set(keysOf(promotionId).stock, COUPONS);
    return carried(design, {
      poll: async (user) => (await design.poll(user)).status,
      disconnect: () => redis.disconnect(),
    });
  });

async function carried(rival: Rival, { poll, disconnect }: { poll: Carrier['poll']; disconnect: () => void }): Promise<Carrier> {
  const worker = await rival.openWorker();
  return {
    join: (user) => rival.add(user),
    poll,
    serve: () => worker.serve(USERS),
    end: async () => undefined,
    async close() {
      await worker.close();
      await rival.close();
      disconnect();
    },
  };
}
