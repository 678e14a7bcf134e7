import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { PROMOTIONS_KEY } from '../../lambda/queue/keys.ts';
import { brokenPromises, snapshot } from '../invariants.ts';
import { type ApiClient, systemForFile, uniquePromotionId } from '../system-for-tests.ts';
import { ABSENT, allowed, type Answered, type Candidate, explained, Inconclusive, type Operation, TOGETHER_MAX } from './queue-model.ts';
import { repeated, replayed, tell, timed, timeoutMs } from './replay.ts';

/** Of each size of model; they run at the same time. */
const RUNS = 40;
const SECONDS = 12;
const COMMANDS_MAX = 12;
const SETTLE_TIMEOUT_MS = 20_000;
/** Of the calls; a machine that is busy with other things may keep Redis waiting now and then. */
const UNAVAILABLE_SHARE_MAX = 0.02;
const INCONCLUSIVE_SHARE_MAX = 0.1;

/** As test/system-global-setup.ts sets it. */
const pace = { batchSize: 10, drainIntervalMs: 100 };
const USERS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n'];
const on = systemForFile();

/** Per promotion, the states that it may be in. */
type Model = Map<number, Candidate[]>;
interface Real {
  promotionIds: string[];
}
interface Call {
  promotion: number;
  operation: Operation;
}

let callsMade = 0;
let unavailable = 0;

/** Sends an operation and reads its answer. */
async function perform(api: ApiClient, promotionId: string, operation: Operation): Promise<Answered> {
  callsMade++;
  const { verb } = operation;
  const send = () => {
    switch (verb) {
      case 'init-stock':
        return api.initStock(promotionId, operation.stock);
      case 'join':
        return api.join(promotionId, operation.userId);
      case 'status':
        return api.status(promotionId, operation.userId);
      case 'info':
        return api.info(promotionId);
      case 'control':
        return api.control(promotionId, operation.action, operation.action === 'restock' ? { quantity: operation.quantity, requestId: operation.requestId } : {});
    }
  };
  const { status, body } = await send();
  if (status === 503) unavailable++;
  return { status, message: body.message ?? '', ...(body.data && { data: body.data }), ...(body.error && { code: body.error.code }) };
}

/** Performs calls at the same time, and keeps the states that explain their answers. */
async function together(model: Model, { promotionIds }: Real, calls: Call[]): Promise<void> {
  const answered = await Promise.all(
    calls.map(async ({ promotion, operation }) => ({ promotion, operation, answer: await perform(on.api, promotionIds[promotion] ?? '', operation) })),
  );
  for (const [promotion, promotionId] of promotionIds.entries()) {
    const mine = answered.filter((call) => call.promotion === promotion);
    const before = model.get(promotion) ?? [];
    const after = explained(before, promotionId, mine, pace);
    if (after.length === 0) {
      const lines = mine.map(({ operation, answer }) => {
        const others = mine.length === 1 ? `\n    allowed ${JSON.stringify(allowed(before, promotionId, operation, pace))}` : '';
        return `  ${JSON.stringify(operation)}\n    answered ${JSON.stringify(answer)}${others}`;
      });
      throw new Error(`No order of these calls explains their answers:\n${lines.join('\n')}\nStates before:\n${before.map((c) => `  ${JSON.stringify(c)}`).join('\n')}`);
    }
    model.set(promotion, after);
  }
}

/** Calls at the same time, by several clients; a single one is a batch of one. */
class Together implements fc.AsyncCommand<Model, Real> {
  readonly calls: Call[];
  constructor(calls: Call[]) {
    this.calls = calls;
  }
  check = () => true;
  run = (model: Model, real: Real) => together(model, real, this.calls);
  toString = () => `together(${JSON.stringify(this.calls)})`;
}

/** Waits until nothing moves any more in a promotion: everyone is told, unless it is paused. */
class Settle implements fc.AsyncCommand<Model, Real> {
  readonly promotion: number;
  constructor(promotion: number) {
    this.promotion = promotion;
  }
  check = (model: Readonly<Model>) => (model.get(this.promotion) ?? []).some(({ phase }) => phase === 'LIVE');
  run = (model: Model, real: Real) => settle(model, real, this.promotion);
  toString = () => `settle(${this.promotion})`;
}

async function settle(model: Model, real: Real, promotion: number): Promise<void> {
  await vi.waitUntil(
    async () => {
      await together(model, real, [{ promotion, operation: { verb: 'info' } }]);
      return model.get(promotion)?.every((c) => {
        const admitted = Object.values(c.users).filter((state) => state === 'ADMITTED' || state === 'COMPLETED').length;
        return c.phase !== 'LIVE' || (c.issued === admitted && (c.line.length === 0 || (c.state === 'PAUSED' && c.issued < c.initialStock)));
      });
    },
    { timeout: SETTLE_TIMEOUT_MS, interval: 20 },
  );
}

/** What must hold when all is quiet: every promise, in Redis; and what each user is told. Then it is removed, without a trace. */
async function finish(model: Model, real: Real): Promise<void> {
  for (const [promotion, promotionId] of real.promotionIds.entries()) {
    if (model.get(promotion)?.some(({ phase }) => phase === 'LIVE')) {
      await settle(model, real, promotion);
      const now = await snapshot(on.redis, promotionId);
      // A sold-out line that is still being swept reads as FAILED already; all else is as written.
      expect(brokenPromises(now)).toEqual([]);
      for (const userId of USERS) await together(model, real, [{ promotion, operation: { verb: 'status', userId } }]);
      await together(model, real, [{ promotion, operation: { verb: 'control', action: 'close' } }]);
      await together(model, real, [{ promotion, operation: { verb: 'control', action: 'remove' } }]);
    }
  }
  await Promise.all(real.promotionIds.map((id) => vi.waitUntil(async () => (await on.redis.keys(`*{${id}}*`)).length === 0, { timeout: SETTLE_TIMEOUT_MS, interval: 50 })));
  // The list of promotions forgets after a day; these would be visited all the while.
  await on.redis.zrem(PROMOTIONS_KEY, ...real.promotionIds);
}

const users = fc.constantFrom(...USERS);
const stock = fc.oneof(fc.nat({ max: 4 }), fc.nat({ max: 14 }));
const restocks = fc.record({ quantity: fc.integer({ min: 1, max: 6 }), requestId: fc.constantFrom('r1', 'r2', 'r3') });
const operations = fc.oneof(
  { weight: 2, arbitrary: stock.map((units): Operation => ({ verb: 'init-stock', stock: units })) },
  { weight: 8, arbitrary: users.map((userId): Operation => ({ verb: 'join', userId })) },
  { weight: 5, arbitrary: users.map((userId): Operation => ({ verb: 'status', userId })) },
  { weight: 2, arbitrary: fc.constant<Operation>({ verb: 'info' }) },
  { weight: 3, arbitrary: fc.constantFrom('pause' as const, 'resume' as const).map((action): Operation => ({ verb: 'control', action })) },
  { weight: 2, arbitrary: restocks.map((restock): Operation => ({ verb: 'control', action: 'restock', ...restock })) },
  { weight: 1, arbitrary: fc.constantFrom('close' as const, 'remove' as const).map((action): Operation => ({ verb: 'control', action })) },
);

/** Commands to so many promotions: single calls, several clients at once, a crowd, and quiet. */
function commands(promotions: number) {
  const promotion = fc.nat({ max: promotions - 1 });
  const call = fc.record({ promotion, operation: operations });
  const crowd = fc.record({ promotion, crowd: fc.shuffledSubarray(USERS, { minLength: 3, maxLength: TOGETHER_MAX }) });
  return fc.commands<Model, Real, false>(
    [
      call.map((one) => new Together([one])),
      fc.array(call, { minLength: 2, maxLength: TOGETHER_MAX }).map((calls) => new Together(calls)),
      crowd.map(({ promotion, crowd }) => new Together(crowd.map((userId): Call => ({ promotion, operation: { verb: 'join', userId } })))),
      promotion.map((which) => new Settle(which)),
    ],
    { maxCommands: COMMANDS_MAX, size: 'max', ...replayed },
  );
}

describe.concurrent('the queue through HTTP', () => {
  test.each([1, 2, 3])('answers as the model allows, whoever calls at the same time: %i promotions', { timeout: timeoutMs(SECONDS) }, async (promotions) => {
    let runs = 0;
    let inconclusive = 0;
    await fc.assert(
      fc.asyncProperty(fc.option(stock, { freq: 9, nil: undefined }), fc.boolean(), commands(promotions), timed(SECONDS, async (opening, paused, plan) => {
        runs++;
        const model: Model = new Map();
        const real: Real = { promotionIds: Array.from({ length: promotions }, uniquePromotionId) };
        for (const promotion of real.promotionIds.keys()) model.set(promotion, [ABSENT]);
        // Most begin with promotions that exist, and half of these while nobody is admitted, so that lines grow.
        if (opening !== undefined) {
          for (const promotion of real.promotionIds.keys()) {
            await together(model, real, [{ promotion, operation: { verb: 'init-stock', stock: opening } }]);
            if (paused) await together(model, real, [{ promotion, operation: { verb: 'control', action: 'pause' } }]);
          }
        }
        try {
          await fc.asyncModelRun(() => ({ model, real }), plan);
          await finish(model, real);
        } catch (error) {
          if (!(error instanceof Inconclusive)) throw error;
          inconclusive++;
          await on.redis.zrem(PROMOTIONS_KEY, ...real.promotionIds);
        }
      })),
      repeated(RUNS),
    );
    expect(runs).toBeGreaterThan(0);
    expect(inconclusive).toBeLessThanOrEqual(Math.ceil(runs * INCONCLUSIVE_SHARE_MAX));
    expect(unavailable).toBeLessThanOrEqual(callsMade * UNAVAILABLE_SHARE_MAX);
    tell(`model, ${promotions} promotions: ${runs} runs (${inconclusive} inconclusive), ${callsMade} calls so far, ${unavailable} of them unavailable`);
  });
});
