import { MESSAGE_USERS_MAX } from '../../lambda/queue/issue-message.ts';
import { seededRandom, shuffled } from '../seeded-random.ts';
import { limits, SCALING_STEP_SECONDS } from './limits.ts';

const MICROS_PER_SECOND = 1e6;
/** Requests of one user beside the polls. */
const JOINS_PER_USER = 1;

/** Server CPU (µs) of each operation. */
export interface Costs {
  join: number;
  poll: number;
  /** Drain and issue of one user. */
  issued: number;
  /** Sweep of one user. */
  swept: number;
}

/** What a user of a sale does, on average. */
export interface Habits {
  pollsPerUser: number;
  /** Share of users that win; the others are swept. */
  winners: number;
}

/** Server CPU (µs) of everything that one user causes. */
export const costPerUser = ({ join, poll, issued, swept }: Costs, { pollsPerUser, winners }: Habits): number =>
  join + pollsPerUser * poll + winners * issued + (1 - winners) * swept;

/** Joins per second, each with its polls and its end, that one core of a shard bears. */
export const joinsPerSecond = (costs: Costs, habits: Habits): number => (limits.coreShare.value * MICROS_PER_SECOND) / costPerUser(costs, habits);

/** Count of one of several equal shards when so many promotions fall on them at random. */
export function binomial(promotions: number, shards: number): { mean: number; deviation: number } {
  const share = 1 / shards;
  return { mean: promotions * share, deviation: Math.sqrt(promotions * share * (1 - share)) };
}

/** How far counts are from equal shares, in deviations of chance: chi square over its degrees of freedom; about 1 is chance. */
export function unevenness(counts: readonly number[]): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0) / (counts.length - 1);
}

/** Joins of each promotion as shares of all: `equal`, or by Zipf's law the n-th most wanted 1/n of the first. */
export function popularity(promotions: number, law: 'equal' | 'zipf'): number[] {
  const weights = Array.from({ length: promotions }, (_, i) => (law === 'equal' ? 1 : 1 / (i + 1)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Share of all joins that the busiest shard gets; `shardOf[i]` is the shard of promotion i, `shares[i]` its share. */
export function hottestShare(shardOf: readonly number[], shares: readonly number[]): number {
  const loads = new Map<number, number>();
  for (const [i, shard] of shardOf.entries()) loads.set(shard, (loads.get(shard) ?? 0) + (shares[i] ?? 0));
  return Math.max(...loads.values());
}

/** The hottest share when it is left to chance which promotion is how wanted: the middle one of many draws, and one that 95 % stay below. */
export function hottestShareByChance(shardOf: readonly number[], shares: readonly number[], draws: number): { median: number; p95: number } {
  const random = seededRandom(1);
  const drawn = Array.from({ length: draws }, () => hottestShare(shardOf, shuffled(shares, random))).toSorted((a, b) => a - b);
  return { median: drawn[Math.floor(draws / 2)] ?? Number.NaN, p95: drawn[Math.floor(draws * 0.95)] ?? Number.NaN };
}

/** Promotions that fall on shards at random. */
export const randomShards = (promotions: number, shards: number, random: () => number): number[] =>
  Array.from({ length: promotions }, () => Math.floor(random() * shards));

/** The hottest share of a fleet that no cluster was started for: the middle one of many draws of where its promotions fall. */
export function hottestShareOfRandom(shares: readonly number[], shards: number, draws: number): number {
  const random = seededRandom(shards);
  const drawn = Array.from({ length: draws }, () => hottestShare(randomShards(shares.length, shards, random), shares)).toSorted((a, b) => a - b);
  return drawn[Math.floor(draws / 2)] ?? Number.NaN;
}

/** One promotion under a rush. */
export interface Rush {
  joinsPerSecond: number;
  pollsPerUser: number;
  /** How long the rush lasts (s), and how many coupons there are. */
  seconds: number;
  stock: number;
}

/** One part of the system under a rush. */
export interface Part {
  name: string;
  needed: number;
  /** Infinity where there is none that is known. */
  limit: number;
  unit: string;
  /** What helps when it gives. */
  remedy: string;
}

/** What else is measured. */
export interface Measured {
  /** Users of one promotion that one loop admits and one issuer issues in a second. */
  issuedPerSecond: number;
  /** Connections to the node that one client of a function opens. */
  connectionsPerEnvironment: number;
}

/** What a rush on one promotion asks of each part. */
export function partsOf(rush: Rush, costs: Costs, measured: Measured): Part[] {
  const { pollsPerUser, seconds, stock } = rush;
  const users = rush.joinsPerSecond * seconds;
  const winners = Math.min(1, stock / users);
  const requests = rush.joinsPerSecond * (JOINS_PER_USER + pollsPerUser);
  const warm = (requests * limits.callMs.value) / 1000;
  // A call that finds no free environment waits for one that is only starting, and so do all that come meanwhile.
  const cold = (rush.joinsPerSecond * limits.coldStartMs.value) / 1000;
  const admitted = Math.min(limits.admittedPerSecond.value, stock / seconds);
  const issuerCalls = admitted / (MESSAGE_USERS_MAX * limits.sqsMessagesPerRequest.value);
  return [
    { name: 'API Gateway', needed: requests, limit: limits.gatewayRequestsPerSecond.value, unit: 'requests/s', remedy: 'ask AWS for a higher throttle' },
    {
      name: 'throttle of join',
      needed: rush.joinsPerSecond,
      limit: limits.joinThrottle.value,
      unit: 'joins/s',
      remedy: '`throttles.join` of lib/stages.ts',
    },
    {
      name: 'throttle of status',
      needed: rush.joinsPerSecond * pollsPerUser,
      limit: limits.statusThrottle.value,
      unit: 'polls/s',
      remedy: '`throttles.status` of lib/stages.ts',
    },
    {
      name: 'Lambda',
      needed: Math.max(warm, requests / limits.lambdaCallsPerEnvironment.value),
      limit: limits.lambdaConcurrency.value,
      unit: 'environments allowed',
      remedy: 'ask AWS for more concurrency',
    },
    {
      name: 'Lambda from cold',
      needed: cold,
      limit: limits.lambdaScaling.value,
      unit: `new environments of join in ${SCALING_STEP_SECONDS} s`,
      remedy: 'provisioned concurrency before the sale',
    },
    {
      name: 'connections',
      needed: Math.max(warm, cold) * measured.connectionsPerEnvironment,
      limit: limits.connectionsPerNode.value,
      unit: 'to the node of the promotion',
      remedy: 'provisioned concurrency: fewer environments',
    },
    {
      name: "the shard's core",
      needed: (rush.joinsPerSecond * costPerUser(costs, { pollsPerUser, winners })) / MICROS_PER_SECOND,
      limit: limits.coreShare.value,
      unit: 'of a core',
      remedy: 'fewer polls, a faster core; more shards do not help one promotion',
    },
    {
      name: 'the loop',
      needed: stock / seconds,
      limit: Math.min(limits.admittedPerSecond.value, measured.issuedPerSecond),
      unit: 'users/s admitted, to sell out as the rush ends',
      remedy: 'none: the line moves at this pace and the last coupons come later',
    },
    {
      name: 'the issuer',
      needed: (issuerCalls * limits.issuerCallMs.value) / 1000,
      limit: limits.issuersAtOnce.value,
      unit: 'calls at once',
      remedy: '`issuersMax` of lib/stages.ts',
    },
    { name: 'SQS', needed: issuerCalls, limit: Infinity, unit: 'SendMessageBatch/s', remedy: 'none needed: a standard queue has no limit that is near' },
  ];
}

/** The parts that are beyond their limits, the one that is furthest first; it gives first. */
export const beyondLimits = (parts: readonly Part[]): Part[] =>
  parts.filter(({ needed, limit }) => needed > limit).toSorted((a, b) => b.needed / b.limit - a.needed / a.limit);

/** Joins per second searched for the point at which a part gives. */
const JOINS_PER_SECOND_MAX = 1e7;
const HALVINGS = 60;

/** Every part, and the joins per second at which it gives (Infinity: never), the first to give first. */
export function givesAt(partsAt: (joinsPerSecond: number) => Part[]): { part: Part; joinsPerSecond: number }[] {
  const gives = (name: string, joinsPerSecond: number) => partsAt(joinsPerSecond).some((part) => part.name === name && part.needed > part.limit);
  return partsAt(JOINS_PER_SECOND_MAX)
    .map((part) => {
      if (!gives(part.name, JOINS_PER_SECOND_MAX)) return { part, joinsPerSecond: Infinity };
      let [bears, fails] = [0, JOINS_PER_SECOND_MAX];
      for (let i = 0; i < HALVINGS; i++) {
        const middle = (bears + fails) / 2;
        if (gives(part.name, middle)) fails = middle;
        else bears = middle;
      }
      return { part, joinsPerSecond: fails };
    })
    .toSorted((a, b) => a.joinsPerSecond - b.joinsPerSecond);
}
