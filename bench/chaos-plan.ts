import { seededRandom, shuffled } from './seeded-random.ts';

/**
 * What can be done to a running system. A kill is SIGKILL, a pause SIGSTOP for longer than a lease and then SIGCONT. Messages are lost
 * for good, from the queue and with those who hold them, the issuer and the runner: only sending them again helps.
 */
export const FAULT_KINDS = [
  'kill redis',
  'pause redis',
  'kill runner',
  'pause runner',
  'kill join',
  'pause join',
  'kill status',
  'kill issuer',
  'pause issuer',
  'kill drain-loop',
  'pause drain-loop',
  'flush scripts',
  'lose messages',
] as const;

/** Whether a fault ends processes. */
export const kills = (kind: FaultKind) => kind.startsWith('kill ') || kind === 'lose messages';

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  kind: FaultKind;
  /** How long it is stopped: of a pause, or before a kill, so that calls are under way in what dies. Messages pile up so long before they are lost. */
  stoppedMs: number;
  /** Follows the one before at once; else the sale has to go on in between. */
  atOnce: boolean;
}

export interface PlanOptions {
  seed: number;
  /** How often each kind comes. */
  rounds: number;
  kinds: readonly FaultKind[];
  leaseMs: number;
}

/** Pauses last this many leases. */
const PAUSE_LEASES_MIN = 1.2;
const PAUSE_LEASES_MAX = 1.8;
const STOPPED_BEFORE_KILL_MS_MAX = 400;
/** Longer than a message takes from the drain to the queue: whoever has been in processing for that long had one to lose. */
const PILING_UP_MS_MIN = 300;

/**
 * The faults of a run, in an order and with lengths that the seed decides. A drain loop that is killed comes back with the next
 * one-minute rule, or with the runner, which fires the rule when it starts. In the last round the runner's kill follows at once, so that
 * a run of one round need not wait for the rule.
 */
export function planFaults({ seed, rounds, kinds, leaseMs }: PlanOptions): Fault[] {
  const random = seededRandom(seed);
  return Array.from({ length: rounds }, (_, round) => {
    const order = shuffled(kinds, random);
    const paired = round === rounds - 1 && kinds.includes('kill drain-loop') && kinds.includes('kill runner');
    const sequence = paired ? order.flatMap((kind) => (kind === 'kill drain-loop' ? [] : kind === 'kill runner' ? (['kill drain-loop', kind] as const) : [kind])) : order;
    return sequence.map((kind) => ({ kind, stoppedMs: stoppedMs(kind, leaseMs, random()), atOnce: paired && kind === 'kill runner' }));
  }).flat();
}

function stoppedMs(kind: FaultKind, leaseMs: number, share: number): number {
  if (kind === 'flush scripts') return 0;
  if (kind.startsWith('pause')) return Math.round(leaseMs * (PAUSE_LEASES_MIN + share * (PAUSE_LEASES_MAX - PAUSE_LEASES_MIN)));
  const beforeKillMs = Math.round(share * STOPPED_BEFORE_KILL_MS_MAX);
  return kind === 'lose messages' ? PILING_UP_MS_MIN + beforeKillMs : beforeKillMs;
}
