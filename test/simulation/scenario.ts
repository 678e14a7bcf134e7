import type { Pace } from '../../lambda/queue/drain.ts';
import type { Random } from './random.ts';

/** Raised whenever the same seed no longer means the same run, so that seeds which once failed are not trusted blindly. */
export const SCENARIO_VERSION = 4;

export type Command =
  | { verb: 'init-stock'; stock: number }
  | { verb: 'restock'; quantity: number; requestId: string }
  | { verb: 'pause' | 'resume' | 'close' | 'remove' };

/** Something that a person does at some time, and does again as long as the answer is unknown. */
export type Deed = { atMs: number; promotionId: string } & ({ by: 'operator'; command: Command } | { by: 'user'; userId: string; polls: number; returns: number });

/** What a seed is about. */
export interface Scenario {
  pace: Pace;
  shards: number;
  promotionIds: string[];
  deeds: Deed[];
  /** Time (ms) between two starts of the loop, per shard, and how long a run lives. */
  ruleMs: number;
  runMs: number;
  visibilityMs: number;
  receivesMax: number;
  /** Users that one sweep and one retire take. */
  chunk: number;
}

const INTERVAL_MS = 1000;
const STOCK_MAX = 12;
/** Over all promotions of a seed. */
const USERS_MAX = 40;
/** The sale, in intervals. */
const SALE_INTERVALS = 8;
const SECOND_RUSH_MAX = 8;
const POLLS_MAX = 4;
/** How often somebody who was turned away comes again: after a restock there is a line anew. */
const RETURNS_MAX = 6;

/** Makes up a scenario. */
export function scenarioOf(random: Random): Scenario {
  const batchSize = random.between(1, random.pick([2, 4, 10]));
  const leaseMs = INTERVAL_MS * random.between(2, 6);
  const promotionIds = ['p', 'q', 'r'].slice(0, random.pick([1, 1, 1, 2, 3]));
  const shards = random.pick([1, 1, 2]);
  const ruleMs = INTERVAL_MS * random.between(2, 5);
  return {
    pace: { batchSize, drainIntervalMs: INTERVAL_MS, leaseMs, maxInFlight: random.between(1, batchSize * 3) },
    shards,
    promotionIds,
    deeds: promotionIds.flatMap((promotionId) => deedsOf(random, promotionId, Math.floor(USERS_MAX / promotionIds.length))),
    ruleMs,
    runMs: ruleMs * random.between(1, 3) + random.between(0, INTERVAL_MS),
    visibilityMs: Math.floor(leaseMs / random.between(2, 4)),
    receivesMax: random.between(1, 4),
    chunk: random.between(1, 8),
  };
}

function deedsOf(random: Random, promotionId: string, usersMax: number): Deed[] {
  const saleMs = SALE_INTERVALS * INTERVAL_MS;
  const deeds: Deed[] = [];
  const operator = (atMs: number, command: Command) => deeds.push({ by: 'operator', atMs, promotionId, command });
  const some = () => random.between(0, saleMs);

  const stock = random.between(0, random.pick([3, STOCK_MAX]));
  operator(0, { verb: 'init-stock', stock });
  // A retry that comes late, and an operator with another idea.
  if (random.chance(0.4)) operator(some(), { verb: 'init-stock', stock });
  if (random.chance(0.2)) operator(some(), { verb: 'init-stock', stock: random.between(0, STOCK_MAX) });

  for (let i = random.pick([0, 0, 1, 2]); i > 0; i--) {
    const restock: Command = { verb: 'restock', quantity: random.between(1, 5), requestId: `restock-${i}` };
    operator(some(), restock);
    if (random.chance(0.5)) operator(some(), restock);
  }
  if (random.chance(0.2)) {
    const atMs = some();
    operator(atMs, { verb: 'pause' });
    if (random.chance(0.7)) operator(atMs + random.between(1, saleMs / 2), { verb: 'resume' });
  }

  const joins = (name: string, count: number, fromMs: number, toMs: number) => {
    // A rush stands at the door at once; else they come throughout.
    const rush = random.chance(0.5);
    const stubborn = random.chance(0.4);
    for (let i = 1; i <= count; i++) {
      const userId = `${name}${i}`;
      const atMs = rush ? fromMs + random.between(0, 50) : random.between(fromMs, toMs);
      const polls = random.chance(0.2) ? random.between(1, POLLS_MAX) : 0;
      deeds.push({ by: 'user', atMs, promotionId, userId, polls, returns: stubborn ? random.between(0, RETURNS_MAX) : 0 });
      // A second phone of the same user.
      if (random.chance(0.1)) deeds.push({ by: 'user', atMs: random.between(fromMs, toMs), promotionId, userId, polls: 0, returns: 0 });
    }
  };
  const users = random.between(0, random.pick([5, usersMax]));
  joins('u', users, 0, saleMs);
  // A little more stock and another rush, which may sell out while the first line is still being swept.
  if (random.chance(0.2)) {
    const atMs = random.between(saleMs / 4, saleMs);
    operator(atMs, { verb: 'restock', quantity: random.between(1, 2), requestId: 'restock-rush' });
    joins('v', random.between(2, SECOND_RUSH_MAX), atMs, atMs + INTERVAL_MS);
  }

  if (random.chance(0.25)) {
    const closeMs = some();
    operator(closeMs, { verb: 'close' });
    if (random.chance(0.7)) {
      const removeMs = closeMs + random.between(1, saleMs);
      operator(removeMs, { verb: 'remove' });
      if (random.chance(0.7)) {
        const againMs = removeMs + random.between(1, saleMs / 2);
        operator(againMs, { verb: 'init-stock', stock: random.between(0, STOCK_MAX) });
        joins('u', random.between(0, users), againMs, againMs + saleMs / 2);
      }
    }
  }
  return deeds;
}
