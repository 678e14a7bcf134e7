import type { Context } from 'aws-lambda';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { connectRedis, type RedisClient, RedisUnavailable } from '../../lambda/queue/redis.ts';
import { status } from '../../lambda/queue/status.ts';
import { rolling, userId } from '../batches.ts';
import { joinEvents, statusEvents } from '../gateway-event.ts';
import { onOwnRedis } from '../own-redis.ts';
import { rawCall } from '../raw-calls.ts';
import { type Contender, difference, type Measured, sample, takeTurns } from '../rounds.ts';
import { type Row, single, type Scenario } from '../scenario.ts';

const ROUNDS = 25;
const OPERATIONS = 5000;
const PROMOTION_ID = 'handler';
const PACE = { batchSize: 100, drainIntervalMs: 1000 };

type Handler = (event: unknown, context: Context) => Promise<unknown>;
const context = { awsRequestId: 'bench', getRemainingTimeInMillis: () => 10_000 } as Context;

/** The functions' modules read their environment as they are loaded; what they connect to by themselves is never used here. */
async function loadHandlers() {
  Object.assign(process.env, {
    REDIS_URL: 'redis://127.0.0.1:1',
    REDIS_MODE: 'single',
    BATCH_SIZE: String(PACE.batchSize),
    DRAIN_INTERVAL_MS: String(PACE.drainIntervalMs),
    POWERTOOLS_SERVICE_NAME: 'bench',
    POWERTOOLS_METRICS_NAMESPACE: 'bench',
  });
  return { joinModule: await import('../../lambda/join.ts'), statusModule: await import('../../lambda/status.ts') };
}

/** Each request begins as the runtime begins it, with the text of an event that has to be parsed: the same for all. */
const requests = (name: string, events: (userId: string) => string, answer: (event: unknown, userId: string) => Promise<unknown>): Contender => ({
  name,
  run: (operations, round) =>
    rolling(operations, async (index) => {
      const user = userId(index, round);
      await answer(JSON.parse(events(user)), user);
    }),
});

/** Writes nothing meanwhile, but counts what would have been written. */
async function silenced(work: () => Promise<void>): Promise<number> {
  let lines = 0;
  const streams: { write?: unknown }[] = [process.stdout, process.stderr];
  for (const stream of streams) stream.write = () => Boolean(++lines);
  try {
    await work();
  } finally {
    // What was set hides the stream's own method.
    for (const stream of streams) delete stream.write;
  }
  return lines;
}

async function contendersOn(client: RedisClient): Promise<{ contenders: Contender[]; linesOf: Map<string, number> }> {
  const { joinModule, statusModule } = await loadHandlers();
  const joining = joinModule.createHandler({ join: (promotionId, user) => join(client, promotionId, user) }, 'request') as unknown as Handler;
  const polling = statusModule.createHandler({ status: (promotionId, user) => status(client, promotionId, user) }, PACE, 'request') as unknown as Handler;
  const answering = joinModule.createHandler({ join: async () => ({ kind: 'WAITING', position: 5 }) }, 'request') as unknown as Handler;
  const failing = joinModule.createHandler({ join: () => Promise.reject(new RedisUnavailable('connect ECONNREFUSED')) }, 'request') as unknown as Handler;
  const rawJoin = await rawCall(client, (recorder, user) => join(recorder, PROMOTION_ID, user));
  const rawStatus = await rawCall(client, (recorder, user) => status(recorder, PROMOTION_ID, user));
  const joins = joinEvents(PROMOTION_ID);
  const polls = statusEvents(PROMOTION_ID);
  const contenders = [
    requests('join: raw call', joins, (_event, user) => rawJoin(user)),
    requests('join: operation', joins, (_event, user) => join(client, PROMOTION_ID, user)),
    requests('join: handler', joins, (event) => joining(event, context)),
    requests('status: raw call', polls, (_event, user) => rawStatus(user)),
    requests('status: operation', polls, (_event, user) => status(client, PROMOTION_ID, user)),
    requests('status: handler', polls, (event) => polling(event, context)),
    requests('no Redis: nothing but the event', joins, async () => undefined),
    requests('no Redis: join handler', joins, (event) => answering(event, context)),
    requests('no Redis: join handler that fails', joins, (event) => failing(event, context)),
  ];
  const linesOf = new Map<string, number>();
  const quiet = contenders.map((contender) => ({
    name: contender.name,
    run: async (operations: number, round: number) => {
      const lines = await silenced(() => contender.run(operations, round));
      linesOf.set(contender.name, lines / operations);
    },
  }));
  return { contenders: quiet, linesOf };
}

const bases: Record<string, string> = { join: 'join: raw call', status: 'status: raw call', 'no Redis': 'no Redis: nothing but the event' };
const over = (measured: Measured, name: string) => difference(measured, name, bases[name.split(':')[0] ?? ''] ?? name, 'clientMicros');

export const scenario: Scenario = {
  name: 'handler',
  title: 'Handlers',
  method:
    'The functions from the event of API Gateway to their answer, 50 requests at once in one process. Every request begins with the parsing of the event, also that of the raw call of ioredis, which sends the same script, or the same reads, with the same keys. Differences are taken round by round. Times are CPU of this process.',
  run: (bench) =>
    onOwnRedis(async (url, watch) => {
      if (bench.effort === 'check') return { tables: [], figures: [] };
      const client = connectRedis({ url, mode: 'cluster' });
      try {
        await initStock(client, PROMOTION_ID, 1_000_000_000);
        await join(client, PROMOTION_ID, 'kim');
        const { contenders, linesOf } = await contendersOn(client);
        const measured = await takeTurns(bench, watch, contenders, { rounds: ROUNDS, operations: OPERATIONS });
        const rows: Row[] = contenders.map(({ name }) => ({
          name,
          values: { 'client CPU': sample(measured, name, 'clientMicros'), 'over the base': over(measured, name), 'log lines': single(linesOf.get(name) ?? Number.NaN) },
        }));
        return {
          tables: [
            {
              name: 'handler',
              title: 'A request, from event to answer',
              columns: [
                { name: 'client CPU', unit: 'µs' },
                { name: 'over the base', unit: 'µs' },
                { name: 'log lines', unit: '' },
              ],
              rows,
              chart: { kind: 'bars', columns: ['client CPU'] },
            },
          ],
          figures: [
            { name: 'join handler: client CPU over the raw call', unit: 'µs', value: over(measured, 'join: handler'), better: 'lower', checked: false },
            { name: 'status handler: client CPU over the raw call', unit: 'µs', value: over(measured, 'status: handler'), better: 'lower', checked: false },
            {
              name: 'telemetry of a request that fails: client CPU',
              unit: 'µs',
              value: difference(measured, 'no Redis: join handler that fails', 'no Redis: join handler', 'clientMicros'),
              better: 'lower',
              checked: false,
            },
          ],
          notes: ['The base is the raw call or, without Redis, the parsing of the event. A request that succeeds calls nothing of telemetry; one that fails writes a log line and a line of metrics, here to nowhere.'],
        };
      } finally {
        client.disconnect();
      }
    }),
};
