import { setTimeout as pause } from 'node:timers/promises';
import { drain, type Pace } from '../../lambda/queue/drain.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { issueMessages } from '../../lambda/queue/issue-message.ts';
import { join } from '../../lambda/queue/join.ts';
import type { RedisClient } from '../../lambda/queue/redis.ts';
import { sweep } from '../../lambda/queue/sweep.ts';
import { batched, userId } from '../batches.ts';
import type { Gathered } from '../gathered-client.ts';
import type { Contender } from '../rounds.ts';

/** The least interval that is allowed (ms). */
const DRAIN_INTERVAL_MS = 50;
/** What a pause is longer than the interval (ms): a timer may come early by a fraction of a ms. */
const DUE_AFTER_MS = 5;
/** Promotions that are drained at the same time, as the loop visits all that are due; two at least keep the server busy while this process works. */
const DRAINS_AT_ONCE = 8;
/** Drains of one line, those that were not due yet included. */
const DRAINS_MAX = 10_000;

/** The pace at which batches of this size are drained as often as is allowed, and nothing else holds the line up. */
export const fastestPace = (batchSize: number): Pace => ({ batchSize, drainIntervalMs: DRAIN_INTERVAL_MS, leaseMs: 60_000, maxInFlight: 1_000_000 });

interface Lines {
  redis: RedisClient;
  gathered: Gathered;
  /** Names the contender, and its promotions. */
  name: string;
  batchSize: number;
  /** Each gives one batch in each round, so that none has to wait for its interval. */
  promotions: number;
  /** Rounds, the warm-up included. */
  rounds: number;
}

/**
 * A contender that drains a batch of each of several promotions and issues it, in the messages of at most 100 users that the
 * loop sends. While a batch is issued the next one is drained, as by loop and issuer. Those users join just before, untimed, as
 * with the rivals: a server that has touched them lately finds them sooner.
 */
export async function drainIssueContender({ redis, gathered, name, batchSize, promotions, rounds }: Lines): Promise<Contender> {
  const promotionIds = Array.from({ length: promotions }, (_, i) => `${name.replaceAll(/\W+/g, '-')}-${i}`);
  for (const promotionId of promotionIds) await initStock(redis, promotionId, batchSize * rounds);
  const pace = fastestPace(batchSize);
  return {
    name,
    operations: batchSize * promotions,
    async prepare(round) {
      for (const promotionId of promotionIds) await batched(batchSize, (index) => join(gathered.client, promotionId, userId(index, round)), gathered.flush);
      // A round may be over before the first promotion is due again.
      await pause(DRAIN_INTERVAL_MS + DUE_AFTER_MS);
    },
    async run() {
      let next = 0;
      await Promise.all(
        Array.from({ length: DRAINS_AT_ONCE }, async () => {
          let issuing = Promise.resolve();
          for (let promotionId = promotionIds[next++]; promotionId; promotionId = promotionIds[next++]) {
            const admitted = await drainBatch(redis, promotionId, pace);
            await issuing;
            issuing = issueBatch(redis, promotionId, admitted);
          }
          await issuing;
        }),
      );
    },
  };
}

/** Drains one full batch. */
export async function drainBatch(redis: RedisClient, promotionId: string, pace: Pace): Promise<string[]> {
  const outcome = await drain(redis, promotionId, pace);
  const admitted = outcome.kind === 'DRAINED' ? outcome.admitted : [];
  if (admitted.length !== pace.batchSize) throw new Error(`Drain (${outcome.kind}) admitted ${admitted.length} users instead of ${pace.batchSize}.`);
  return admitted;
}

/** Issues a batch in messages as the loop sends them. */
export async function issueBatch(redis: RedisClient, promotionId: string, userIds: string[]): Promise<void> {
  const outcomes = await Promise.all(issueMessages(promotionId, userIds).map((message) => issue(redis, promotionId, message.userIds)));
  const issued = outcomes.reduce((sum, { completed }) => sum + completed, 0);
  if (issued !== userIds.length) throw new Error(`Issue gave ${issued} coupons instead of ${userIds.length}.`);
}

/** Serves a line to its end: drains and issues as often as is allowed until the rest has lost, then sweeps. */
export async function serveAll(redis: RedisClient, promotionId: string, batchSize: number): Promise<void> {
  const pace = fastestPace(batchSize);
  let issuing = Promise.resolve();
  for (let drains = 0; drains < DRAINS_MAX; drains++) {
    const outcome = await drain(redis, promotionId, pace);
    if (outcome.kind === 'NOT_FOUND') throw new Error(`Promotion ${promotionId} was lost.`);
    await issuing;
    if (outcome.kind === 'NOT_DUE') {
      await pause(outcome.waitMs);
      continue;
    }
    if (outcome.soldOutLine > 0) {
      for (let { left } = await sweep(redis, promotionId); left > 0; ) ({ left } = await sweep(redis, promotionId));
      return;
    }
    if (outcome.admitted.length === 0) return;
    issuing = issueBatch(redis, promotionId, outcome.admitted);
  }
  throw new Error(`Promotion ${promotionId} was not served by ${DRAINS_MAX} drains.`);
}
