import { setTimeout as pause } from 'node:timers/promises';
import type { Fault } from './chaos-plan.ts';
import type { ChaosSystem } from './chaos-system.ts';

/** A fault as it happened. Times are ms since the crowd was let in. */
export interface Suffered extends Fault {
  fromMs: number;
  toMs: number;
  /** Coupons issued when it began. */
  issued: number;
  /** Processes that were hit; none if the function had none, since nobody called it. */
  hit: number;
  /** Users in processing whose message was lost. */
  stranded: number;
}

export interface FaultOptions {
  faults: readonly Fault[];
  system: ChaosSystem;
  stock: number;
  /** Coupons issued so far. */
  issued: () => number;
  nowMs: () => number;
  say: (line: string) => void;
  signal: AbortSignal;
}

/** A killed drain loop comes back with the next one-minute rule: that, and time to issue. */
const STANDSTILL_MAX_MS = 120_000;
const POLL_INTERVAL_MS = 50;

/**
 * Brings one fault after the other about, spread evenly over the sale: each waits until its share of the stock is issued, so all
 * of them hit a sale that goes on, however fast the machine is, and the system must have recovered from each before the next.
 * @param suffered takes each fault once it is over
 * @throws Error with a sentence if the system does not recover; the signal's reason
 */
export async function bringAbout(options: FaultOptions, suffered: Suffered[]): Promise<void> {
  const { faults, system, stock, issued, nowMs, say, signal } = options;
  for (const [i, fault] of faults.entries()) {
    if (!fault.atOnce) await issuedAtLeast(Math.floor((stock * (i + 1)) / (faults.length + 1)), options, suffered.at(-1));
    const before = { fromMs: nowMs(), issued: issued() };
    const { hit, stranded } = await system.suffer(fault, signal);
    suffered.push({ ...fault, ...before, toMs: nowMs(), hit, stranded });
    say(`fault ${i + 1} of ${faults.length}: ${describe(fault)}, ${hit} hit${stranded > 0 ? `, ${stranded} users in processing without a message` : ''}, with ${before.issued} of ${stock} issued, back after ${seconds(nowMs() - before.fromMs)}`);
  }
}

async function issuedAtLeast(wanted: number, { issued, signal }: FaultOptions, last: Suffered | undefined): Promise<void> {
  let seen = issued();
  let movedAt = performance.now();
  while (issued() < wanted) {
    await pause(POLL_INTERVAL_MS, undefined, { signal });
    if (issued() > seen) {
      seen = issued();
      movedAt = performance.now();
    } else if (performance.now() - movedAt > STANDSTILL_MAX_MS) {
      throw new Error(`Nothing was issued for ${STANDSTILL_MAX_MS / 1000} s after ${last ? `"${describe(last)}"` : 'the start'}: the system did not recover.`);
    }
  }
}

/** A fault in words. */
export const describe = ({ kind, stoppedMs }: Fault) => (stoppedMs > 0 ? `${kind} (stopped for ${stoppedMs} ms)` : kind);

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
