import { limits } from './limits.ts';

/** Joins and polls that come in a second, of all promotions of an account and region together. */
export interface Traffic {
  readonly joinsPerSecond: number;
  readonly pollsPerUser: number;
}

/** What must be asked of AWS, or set in a stage, before so much traffic is let in. */
export interface Quota {
  readonly name: string;
  /** What holds where nobody has asked for more. */
  readonly byDefault: number;
  /** What to ask for, with HEADROOM; undefined where the default is enough. */
  readonly raiseTo: number | undefined;
  /** Where it is raised: by AWS on request, in lib/stages.ts, or by paying for environments that are kept warm. */
  readonly kind: 'quota' | 'stage' | 'provisioned';
}

/** Phones repeat what was refused, and do not come evenly: so much more than is needed is asked for. */
const HEADROOM = 1.25;
/** Quotas are asked for in round numbers. */
const DIGITS = 2;
/** Concurrent executions that AWS leaves to functions without any of their own: here the loop, the issuer and what operators call. */
const OTHER_ENVIRONMENTS = 100;
const MS_PER_SECOND = 1000;

/** The next number of two digits and zeros. */
export function roundedUp(value: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(value)) - DIGITS + 1);
  return Math.ceil(value / step) * step;
}

/** Environments that so many calls a second keep busy; Lambda lets none take more than ten calls a second. */
const environmentsFor = (callsPerSecond: number): number =>
  Math.max((callsPerSecond * limits.callMs.value) / MS_PER_SECOND, callsPerSecond / limits.lambdaCallsPerEnvironment.value);

/** Whether the first joins need more new environments than Lambda starts at once. Polls follow seconds later, over ten seconds. */
const startsTooMany = (joinsPerSecond: number): boolean =>
  ((joinsPerSecond * limits.coldStartMs.value) / MS_PER_SECOND) * HEADROOM > limits.lambdaScaling.value;

/** A quota that must be so large at least. */
const atLeast = (kind: Quota['kind'], name: string, byDefault: number, least: number): Quota => ({
  kind,
  name,
  byDefault,
  raiseTo: least > byDefault ? roundedUp(least) : undefined,
});

/** What to raise for a traffic, and to what. */
export function quotasFor({ joinsPerSecond, pollsPerUser }: Traffic): Quota[] {
  const pollsPerSecond = joinsPerSecond * pollsPerUser;
  const requests = joinsPerSecond + pollsPerSecond;
  const quota = (kind: Quota['kind'], name: string, byDefault: number, needed: number) => atLeast(kind, name, byDefault, needed * HEADROOM);
  const warm = (callsPerSecond: number) => (startsTooMany(joinsPerSecond) ? environmentsFor(callsPerSecond) : 0);
  const provisioned = [
    quota('provisioned', 'join kept warm, environments', 0, warm(joinsPerSecond)),
    quota('provisioned', 'status kept warm, environments', 0, warm(pollsPerSecond)),
  ];
  const throttles = [
    quota('stage', 'throttle of join, requests/s', limits.joinThrottle.value, joinsPerSecond),
    quota('stage', 'throttle of status, requests/s', limits.statusThrottle.value, pollsPerSecond),
  ];
  // The throttles of the routes must together fit below the account's, and environments that are kept warm among the executions.
  const throttled = throttles.reduce((sum, { raiseTo, byDefault }) => sum + (raiseTo ?? byDefault), limits.operatorThrottles.value);
  const executions = Math.max(environmentsFor(requests) * HEADROOM, keptWarm(provisioned) + OTHER_ENVIRONMENTS);
  return [
    atLeast('quota', 'requests/s of all APIs', limits.gatewayRequestsPerSecond.value, Math.max(requests * HEADROOM, throttled)),
    atLeast('quota', 'concurrent executions', limits.lambdaConcurrency.value, executions),
    ...throttles,
    ...provisioned,
  ];
}

/** Environments that a traffic wants kept warm, of all functions together. */
export const keptWarm = (quotas: readonly Quota[]): number =>
  quotas.filter(({ kind }) => kind === 'provisioned').reduce((sum, { raiseTo = 0 }) => sum + raiseTo, 0);

/** Minutes before a sale at which the warming must begin. */
export const minutesToWarm = (environments: number): number => Math.ceil(environments / limits.lambdaProvisioningPerMinute.value);
