import { MESSAGE_USERS_MAX } from '../../lambda/queue/issue-message.ts';
import type { Stage } from '../../lib/stages.ts';
import { limits } from '../capacity/limits.ts';
import { assumptions as given } from './assumptions.ts';
import { itemOf, type Item } from './item.ts';
import { prices, type Region } from './prices.ts';

/** One promotion, from the first join to the last answer. */
export interface Sale {
  readonly joins: number;
  /** Polls of each user who joined. */
  readonly pollsPerUser: number;
  readonly coupons: number;
  /** Environments of join and of status each that are kept warm, and for how long. */
  readonly provisioned: { readonly environments: number; readonly hours: number };
}

const MS_PER_SECOND = 1000;
const SECONDS_PER_HOUR = 3600;
const MB_PER_GB = 1024;
const BYTES_PER_GB = 1e9;
const DAYS_PER_MONTH = 365 / 12;
/** A user whose turn is far off polls this often: docs/api.md. */
const POLL_SECONDS_MAX = 10;
/** join and status: the functions that phones call. */
const FUNCTIONS_OF_PHONES = 2;

/** GB-s of so many calls that last so long. */
const gbSeconds = (calls: number, ms: number, memoryMb: number): number => ((calls * ms) / MS_PER_SECOND) * (memoryMb / MB_PER_GB);

/** GB months of logs: what was written, as it is kept, for as long as it is kept. */
export const gbMonthsKept = (gigabytes: number, logDays: number): number => gigabytes * given.logCompression.value * (logDays / DAYS_PER_MONTH);

/** Requests by which batches are sent, and the issuer's calls; the messages of one tick share both, up to their limits. */
function batchesOf({ joins, coupons }: Sale, { pace, issuing }: Stage): { sends: number; issuerCalls: number } {
  const ticks = Math.ceil(Math.min(joins, coupons) / pace.batchSize);
  const messagesOfTick = Math.ceil(pace.batchSize / MESSAGE_USERS_MAX);
  return {
    sends: ticks * Math.ceil(messagesOfTick / limits.sqsMessagesPerRequest.value),
    issuerCalls: ticks * Math.ceil(messagesOfTick / issuing.messagesMax),
  };
}

/** Environments of the functions that phones call, kept warm for some hours. */
export const provisionedItem = (environments: number, hours: number, { functions }: Stage, region: Region): Item =>
  itemOf(region, 'provisioned concurrency', environments * hours * SECONDS_PER_HOUR * (functions.api.memoryMb / MB_PER_GB), prices.provisionedConcurrency);

/** What a sale costs on top of a month in which nothing is sold. */
export function saleItems(sale: Sale, stage: Stage, region: Region): Item[] {
  const { joins, provisioned } = sale;
  const polls = joins * sale.pollsPerUser;
  const requests = joins + polls;
  const { sends, issuerCalls } = batchesOf(sale, stage);
  const { api, issuer } = stage.functions;
  const accessLogGb = (requests * (given.accessLogBytes.value + given.logEventBytes.value)) / BYTES_PER_GB;
  // Join and status write no line for a call that goes well, nor does Lambda.
  const functionLogGb = (issuerCalls * (given.metricLineBytes.value + given.logEventBytes.value)) / BYTES_PER_GB;
  const item = itemOf.bind(undefined, region);
  return [
    item('HTTP API', requests, prices.httpApi),
    item('join: requests', joins, prices.lambdaRequests),
    item('join: duration', gbSeconds(joins, given.callMs.value, api.memoryMb), prices.lambdaDuration),
    item('status: requests', polls, prices.lambdaRequests),
    item('status: duration', gbSeconds(polls, given.callMs.value, api.memoryMb), prices.lambdaDuration),
    item('issuer: requests', issuerCalls, prices.lambdaRequests),
    item('issuer: duration', gbSeconds(issuerCalls, given.issuerCallMs.value, issuer.memoryMb), prices.lambdaDuration),
    item('starts of environments', gbSeconds(given.environmentsStarted.value, given.coldStartMs.value, api.memoryMb), prices.lambdaDuration),
    provisionedItem(FUNCTIONS_OF_PHONES * provisioned.environments, provisioned.hours, stage, region),
    // Sent, received and deleted; each request stays below 64 KB.
    item('SQS', sends + 2 * issuerCalls, prices.sqs),
    item('access log', accessLogGb, prices.logsIngested),
    item('logs of functions', functionLogGb, prices.logsIngested),
    item(`logs, kept for ${stage.logDays} days`, gbMonthsKept(accessLogGb + functionLogGb, stage.logDays), prices.logsKept),
    item('answers to phones', (requests * given.answerBytes.value) / BYTES_PER_GB, prices.transferOut),
    item('between zones', (requests * given.redisCallBytes.value * given.otherZoneShare.value) / BYTES_PER_GB, prices.betweenZones),
  ];
}

/** How long a sale lasts at the pace of a stage, and what phones that poll as they should make of that. */
export interface Course {
  readonly soldOutAfterSeconds: number;
  /** Of a user who waits for that long. */
  readonly pollsPerUser: number;
  /** Of all phones, while everyone is in line. */
  readonly pollsPerSecond: number;
}

/** Reckons how a sale goes: the more coupons a second, the fewer polls, which are most of what it costs. */
export function courseOf({ joins, coupons }: Sale, { pace }: Stage): Course {
  const soldOutAfterSeconds = (Math.ceil(Math.min(joins, coupons) / pace.batchSize) * pace.drainIntervalMs) / MS_PER_SECOND;
  return {
    soldOutAfterSeconds,
    pollsPerUser: Math.ceil(soldOutAfterSeconds / POLL_SECONDS_MAX),
    pollsPerSecond: joins / POLL_SECONDS_MAX,
  };
}
