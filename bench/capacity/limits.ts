import { stages } from '../../lib/stages.ts';

/** A limit of a service, and where it is from. */
export interface Limit {
  value: number;
  unit: string;
  source: string;
}

const read = 'AWS documentation, read 2026-11';
const assumed = 'assumed';
const { join, status, ...ofOperators } = stages.prod.throttles;
const operators = Object.values(ofOperators);

/** What AWS allows where nobody has asked for more, and what is assumed of it. */
export const limits = {
  gatewayRequestsPerSecond: { value: 10_000, unit: 'requests/s per account and region, by default', source: read },
  lambdaConcurrency: { value: 1000, unit: 'environments at work per account and region, by default', source: read },
  lambdaCallsPerEnvironment: { value: 10, unit: 'calls/s for each of these that is allowed', source: read },
  lambdaScaling: { value: 1000, unit: 'environments more each 10 s, per function', source: read },
  lambdaProvisioningPerMinute: { value: 6000, unit: 'environments of provisioned concurrency that become warm in a minute', source: read },
  joinThrottle: { value: join.requestsPerSecond, unit: 'joins/s (`throttles.join` of prod in lib/stages.ts)', source: 'this stack' },
  statusThrottle: { value: status.requestsPerSecond, unit: 'polls/s (`throttles.status` of prod in lib/stages.ts)', source: 'this stack' },
  operatorThrottles: {
    value: operators.reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0),
    unit: 'requests/s of the routes of operators together (`throttles` of prod in lib/stages.ts)',
    source: 'this stack',
  },
  connectionsPerNode: { value: 65_000, unit: 'connections to one Redis node', source: read },
  sqsMessagesPerRequest: { value: 10, unit: 'messages in one SendMessageBatch', source: read },
  issuersAtOnce: { value: 10, unit: 'issuer calls at once (`issuersMax` of lib/stages.ts)', source: 'this stack' },
  admittedPerSecond: { value: 20_000, unit: 'users/s per promotion: 1,000 each 50 ms (bounds of the pace)', source: 'this stack' },
  callMs: { value: 5, unit: 'ms that a join or a poll keeps an environment', source: assumed },
  coldStartMs: { value: 400, unit: 'ms for which a first call keeps an environment', source: assumed },
  issuerCallMs: { value: 20, unit: 'ms that ten messages of 100 users keep an issuer', source: assumed },
  coreShare: { value: 0.7, unit: 'of one core that a shard may use', source: assumed },
} satisfies Record<string, Limit>;

/** Seconds in which Lambda adds `lambdaScaling` environments. */
export const SCALING_STEP_SECONDS = 10;
