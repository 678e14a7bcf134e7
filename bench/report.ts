import type { Audit, Check } from './audit.ts';
import type { Latency } from './figures.ts';
import type { RushResult } from './rush.ts';

/** Offending users shown for a check; more would hide the other checks. */
const OFFENDERS_SHOWN = 10;
const OFFENDERS_IN_JSON = 1000;
const NAME_CHARS = 14;

/** The result of a rush for people: a few figures, the audit line by line, the verdict. */
export function reportText(result: RushResult): string {
  const { users, stock, issued, lost, turnedAway, joinsPerSecond, joinsAtOnceMax, audit, withoutRedis, timedOut } = result;
  const left = users - issued - lost - turnedAway;
  const rows: [string, string][] = [
    ['system', result.apiUrl],
    ['promotion', result.promotionId],
    ['users', `${users}: ${issued} won, ${lost} lost, ${turnedAway} sold out at the door${left > 0 ? `, ${left} left over` : ''}`],
    ['stock', String(stock)],
    ['joins', `${Math.round(joinsPerSecond)}/s, ${joinsAtOnceMax} at a time at most, the last answered after ${seconds(result.joinedMs)}`],
    ['join latency', latency(result.joinLatencyMs)],
    ['status latency', latency(result.statusLatencyMs)],
    ['sold out', result.soldOutMs === null ? 'no' : `after ${seconds(result.soldOutMs)}`],
    ['last answer', `after ${seconds(result.totalMs)}${timedOut ? ', when time was up' : ''}`],
  ];
  const failed = audit.checks.filter((check) => check.result === 'FAILED').length;
  const verdict = audit.passed
    ? `Audit passed${withoutRedis === null ? '' : `, as far as HTTP alone can show: ${withoutRedis}`}.`
    : `Audit FAILED: ${failed} of ${audit.checks.length} promises are broken.`;
  return [...rows.map(([name, value]) => `${name.padEnd(NAME_CHARS)} ${value}`), '', ...audit.checks.flatMap(checkLines), '', verdict].join('\n');
}

/** The result of a rush for machines: the same figures, times in ms. */
export function reportJson(result: RushResult): string {
  return JSON.stringify({ ...result, audit: shortened(result.audit) }, undefined, 2);
}

/** An audit whose lists of offenders are cut to a length that a reader of JSON bears, with their number. */
export function shortened({ passed, checks }: Audit): object {
  const short = checks.map((check) => ({ ...check, offenders: check.offenders.slice(0, OFFENDERS_IN_JSON), offenderCount: check.offenders.length }));
  return { passed, checks: short };
}

/** A check for people: its result, what decided it, and the first offenders. */
export function checkLines({ promise, result, detail, offenders }: Check): string[] {
  const more = offenders.length - OFFENDERS_SHOWN;
  return [
    `${result.padEnd(11)}  ${promise}: ${detail}`,
    ...offenders.slice(0, OFFENDERS_SHOWN).map((offender) => `               ${offender}`),
    ...(more > 0 ? [`               and ${more} more`] : []),
  ];
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

const latency = ({ count, p50, p99, max }: Latency) =>
  count === 0 ? 'none measured' : `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms (${count} requests)`;
