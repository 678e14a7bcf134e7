import type { ChaosResult } from './chaos.ts';
import { checkLines, shortened } from './report.ts';

/** The result of a run for people: figures, the audit line by line, the verdict. */
export function chaosText(result: ChaosResult): string {
  const { seed, users, stock, issued, lost, turnedAway, suffered, kills, calls, audit, totalMs, timedOut } = result;
  const failed = audit.checks.filter((check) => check.result === 'FAILED').length;
  return [
    `seed     ${seed}`,
    `users    ${users}: ${issued} won, ${lost} lost, ${turnedAway} sold out at the door`,
    `stock    ${stock}`,
    `faults   ${suffered.length}, in which ${kills} processes were killed`,
    `calls    ${calls.sent} sent, ${calls.served} served, ${calls.unknown} without an answer`,
    `time     ${(totalMs / 1000).toFixed(1)} s${timedOut ? ', when time was up' : ''}`,
    '',
    ...audit.checks.flatMap(checkLines),
    '',
    audit.passed ? 'Audit passed.' : `Audit FAILED: ${failed} of ${audit.checks.length} promises are broken. The same faults again: --seed ${seed}`,
  ].join('\n');
}

/** The result of a run for machines. */
export const chaosJson = (result: ChaosResult): string => JSON.stringify({ ...result, audit: shortened(result.audit) }, undefined, 2);
