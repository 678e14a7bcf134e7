import type { RecordableHistogram } from 'node:perf_hooks';
import { CONNECTIONS_PER_LANE, type Crowd } from './crowd.ts';
import type { InfoFacts, PhoneFacts } from './facts.ts';
import type { Progress } from './progress.ts';

/** Times in ms. */
export interface Latency {
  count: number;
  p50: number;
  p99: number;
  max: number;
}

/** What a rush measured. */
export interface Figures {
  /** Users by how it ended for them. */
  issued: number;
  lost: number;
  turnedAway: number;
  /** Joins that were under way at a time, at most; the rest of the crowd stood in line for a connection. */
  joinsAtOnceMax: number;
  /** Answered joins by the time from the first one sent to the last one answered. */
  joinsPerSecond: number;
  /** From a request's sending to the end of its answer. */
  joinLatencyMs: Latency;
  statusLatencyMs: Latency;
  /** From the first join sent to the last join answered, and to the last phone's last answer (ms). */
  joinedMs: number;
  totalMs: number;
}

const US_PER_MS = 1000;

/** How it stands, with the rate since the last time it was asked. */
export function progressOf({ phones, api, elapsedMs }: Crowd, info: InfoFacts | undefined, last: { elapsedMs: number; joined: number }): Progress {
  const nowMs = elapsedMs();
  const turnedAway = count(phones, ({ outcome }) => outcome === 'TURNED_AWAY');
  const joined = count(phones, ({ outcome }) => outcome === 'JOINED') + turnedAway;
  const join = latencyOf(api.joinLatencyUs);
  const status = latencyOf(api.statusLatencyUs);
  return {
    elapsedMs: nowMs,
    joined,
    waiting: info?.queueSize ?? 0,
    processing: info?.processingCount ?? 0,
    completed: info?.completedCount ?? 0,
    failed: (info?.failedCount ?? 0) + turnedAway,
    joinsPerSecond: ((joined - last.joined) / Math.max(1, nowMs - last.elapsedMs)) * 1000,
    joinP50Ms: join.p50,
    joinP99Ms: join.p99,
    statusP50Ms: status.p50,
    statusP99Ms: status.p99,
  };
}

/** The figures of a crowd that is over. */
export function figuresOf({ phones, api }: Crowd): Figures {
  const answered = phones.filter(({ answeredAtMs }) => answeredAtMs !== undefined);
  const firstSentMs = phones.reduce((first, { sentAtMs = Infinity }) => Math.min(first, sentAtMs), Infinity);
  const since = (times: number[]) => Math.max(0, times.reduce((a, b) => Math.max(a, b), 0) - (Number.isFinite(firstSentMs) ? firstSentMs : 0));
  const joinedMs = since(answered.map(({ answeredAtMs = 0 }) => answeredAtMs));
  return {
    issued: count(phones, ({ status }) => status === 'COMPLETED'),
    lost: count(phones, ({ status }) => status === 'FAILED'),
    turnedAway: count(phones, ({ outcome }) => outcome === 'TURNED_AWAY'),
    joinsAtOnceMax: CONNECTIONS_PER_LANE,
    joinsPerSecond: joinedMs > 0 ? (answered.length / joinedMs) * 1000 : 0,
    joinLatencyMs: latencyOf(api.joinLatencyUs),
    statusLatencyMs: latencyOf(api.statusLatencyUs),
    joinedMs,
    totalMs: since(phones.map(({ lastSeenAtMs = 0 }) => lastSeenAtMs)),
  };
}

function count(phones: readonly PhoneFacts[], wanted: (phone: PhoneFacts) => boolean): number {
  let found = 0;
  for (const phone of phones) if (wanted(phone)) found += 1;
  return found;
}

function latencyOf(histogram: RecordableHistogram): Latency {
  if (histogram.count === 0) return { count: 0, p50: 0, p99: 0, max: 0 };
  return {
    count: histogram.count,
    p50: histogram.percentile(50) / US_PER_MS,
    p99: histogram.percentile(99) / US_PER_MS,
    max: histogram.max / US_PER_MS,
  };
}
