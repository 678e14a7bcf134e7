import { thisMachine } from '../machine.ts';
import { readResults, type Machine } from '../results.ts';
import type { Bench } from '../scenario.ts';
import { measureConnections, measureCosts, type MeasuredCosts } from './costs.ts';
import { limits } from './limits.ts';
import * as model from './model.ts';
import { measureSpread, type Fleet } from './spread.ts';

/** Polls per user for which a shard is asked, and joins per second on one promotion. */
const POLLS = [0, 1, 3, 10, 30];
const RUSHES = [1000, 10_000, 100_000];
const CLUSTER_SHARDS = [2, 3, 6, 12];
const CLUSTER_PROMOTIONS = [10, 100, 1000];
const DRAWS = 1000;
const LOOP_FIGURE = 'one loop and one issuer through SQS: users per second';

export interface CapacityOptions {
  pollsPerUser: number;
  /** Of a rush on one promotion: coupons, and how long it lasts (s). */
  stock: number;
  seconds: number;
  /** Share of users that win, where shards are looked at. */
  winners: number;
}

interface Share {
  share: number;
  joinsPerSecond: number;
}

/** What was measured, and what follows from it. */
export interface Capacity extends CapacityOptions, model.Measured {
  machine: Machine;
  costs: MeasuredCosts;
  shard: { pollsPerUser: number; joinsPerSecond: number }[];
  fleets: (Fleet & { hottestEqual: number; hottestZipf: { median: number; p95: number } })[];
  clusters: { shards: number; promotions: number; equal: Share; zipf: Share }[];
  rushes: { joinsPerSecond: number; parts: model.Part[]; beyondLimits: string[] }[];
  /** Every part, and the joins per second on one promotion at which it gives, the first to give first. */
  givesAt: { part: model.Part; joinsPerSecond: number }[];
}

/** Measures what operations cost and how promotions spread, and reckons what that means beyond one machine. */
export async function measureCapacity(options: CapacityOptions, bench: Pick<Bench, 'progress' | 'signal'>): Promise<Capacity> {
  const machine = await thisMachine();
  const measured = await measureCosts({ ...bench, effort: 'full' });
  const fleets = await measureSpread(bench.progress, bench.signal);
  const loop = (await readResults()).loop?.outcome.figures.find(({ name }) => name === LOOP_FIGURE)?.value.median;
  const connectionsPerEnvironment = await measureConnections();
  const issuedPerSecond = loop ?? limits.admittedPerSecond.value;
  const also = { connectionsPerEnvironment, issuedPerSecond };
  return { ...options, machine, costs: measured, ...also, ...reckon(options, costsOf(measured), fleets, also) };
}

const costsOf = (measured: MeasuredCosts): model.Costs => ({
  join: measured.join.median,
  poll: measured.poll.median,
  issued: measured['drain and issue of a user'].median,
  swept: measured['sweep of a user'].median,
});

/** Everything that follows from what was measured. */
function reckon(
  { pollsPerUser, stock, seconds, winners }: CapacityOptions,
  costs: model.Costs,
  fleets: readonly Fleet[],
  also: model.Measured,
): Pick<Capacity, 'shard' | 'fleets' | 'clusters' | 'rushes' | 'givesAt'> {
  const ofOneShard = model.joinsPerSecond(costs, { pollsPerUser, winners });
  const shareOf = (shards: number, promotions: number, law: 'equal' | 'zipf'): Share => {
    const share = model.hottestShareOfRandom(model.popularity(promotions, law), shards, DRAWS);
    return { share, joinsPerSecond: ofOneShard / share };
  };
  const partsAt = (joinsPerSecond: number) => model.partsOf({ joinsPerSecond, pollsPerUser, seconds, stock }, costs, also);
  return {
    shard: POLLS.map((polls) => ({ pollsPerUser: polls, joinsPerSecond: model.joinsPerSecond(costs, { pollsPerUser: polls, winners }) })),
    fleets: fleets.map((fleet) => ({
      ...fleet,
      hottestEqual: model.hottestShare(fleet.nodeOf, model.popularity(fleet.promotions, 'equal')),
      hottestZipf: model.hottestShareByChance(fleet.nodeOf, model.popularity(fleet.promotions, 'zipf'), DRAWS),
    })),
    clusters: CLUSTER_SHARDS.flatMap((shards) =>
      CLUSTER_PROMOTIONS.map((promotions) => ({ shards, promotions, equal: shareOf(shards, promotions, 'equal'), zipf: shareOf(shards, promotions, 'zipf') })),
    ),
    rushes: RUSHES.map((joinsPerSecond) => {
      const parts = partsAt(joinsPerSecond);
      return { joinsPerSecond, parts, beyondLimits: model.beyondLimits(parts).map(({ name }) => name) };
    }),
    givesAt: model.givesAt(partsAt),
  };
}
