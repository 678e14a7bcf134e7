import { describe, expect, it } from 'vitest';
import { FAULT_KINDS, planFaults } from '../../bench/chaos-plan.ts';

const LEASE_MS = 2000;
const plan = (seed: number, rounds = 2) => planFaults({ seed, rounds, kinds: FAULT_KINDS, leaseMs: LEASE_MS });

describe('planFaults', () => {
  it('follows from the seed', () => {
    expect(plan(1)).toEqual(plan(1));
    expect(plan(1)).not.toEqual(plan(2));
  });

  it.each([1, 2, 3, 4_294_967_295])('has each kind once a round, pauses that outlast a lease, and a killed loop with its runner in the last round: seed %i', (seed) => {
    const faults = plan(seed);
    const rounds = [faults.slice(0, FAULT_KINDS.length), faults.slice(FAULT_KINDS.length)];
    for (const round of rounds) expect(round.map(({ kind }) => kind).toSorted()).toEqual(FAULT_KINDS.toSorted());
    for (const { kind, stoppedMs } of faults) if (kind.startsWith('pause')) expect(stoppedMs).toBeGreaterThan(LEASE_MS);
    for (const { kind, stoppedMs } of faults) if (kind === 'lose messages') expect(stoppedMs).toBeGreaterThanOrEqual(300);
    expect(faults.filter(({ atOnce }) => atOnce).map((fault) => [faults[faults.indexOf(fault) - 1]?.kind, fault.kind])).toEqual([['kill drain-loop', 'kill runner']]);
    expect(rounds[0]?.some(({ atOnce }) => atOnce)).toBe(false);
  });
});
