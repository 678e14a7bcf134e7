import { describe, expect, it } from 'vitest';
import { newPhone, type Status } from '../../bench/facts.ts';
import { see } from '../../bench/phone.ts';

type Sight = [status: Status, position: number];

function violationOf(...sights: Sight[]): string | undefined {
  const phone = newPhone('user');
  for (const [status, position] of sights) see(phone, status, position);
  return phone.violation;
}

describe('see', () => {
  it.each<{ sights: Sight[] }>([
    { sights: [['WAITING', 5], ['WAITING', 5], ['WAITING', 1], ['PROCESSING', 0], ['PROCESSING', 0], ['COMPLETED', 0], ['COMPLETED', 0]] },
    { sights: [['WAITING', 5], ['FAILED', 0]] },
    { sights: [['WAITING', 5], ['PROCESSING', 0], ['FAILED', 0]] },
    { sights: [['WAITING', 5], ['COMPLETED', 0]] },
  ])('finds nothing wrong with $sights', ({ sights }) => {
    expect(violationOf(...sights)).toBeUndefined();
  });

  it.each<{ sights: Sight[]; violation: string }>([
    { sights: [['WAITING', 5], ['WAITING', 6]], violation: 'position grew from 5 to 6' },
    { sights: [['WAITING', 0]], violation: 'was WAITING at position 0' },
    { sights: [['PROCESSING', 0], ['WAITING', 1]], violation: 'went from PROCESSING to WAITING' },
    { sights: [['FAILED', 0], ['PROCESSING', 0]], violation: 'went from FAILED to PROCESSING' },
    { sights: [['FAILED', 0], ['COMPLETED', 0]], violation: 'went from FAILED to COMPLETED' },
    { sights: [['COMPLETED', 0], ['FAILED', 0]], violation: 'went from COMPLETED to FAILED' },
    { sights: [['WAITING', 5], ['NOT_IN_QUEUE', 0]], violation: 'was WAITING, then unknown' },
    { sights: [['WAITING', 5], ['WAITING', 6], ['NOT_IN_QUEUE', 0], ['FAILED', 0]], violation: 'position grew from 5 to 6' },
  ])('notes $violation', ({ sights, violation }) => {
    expect(violationOf(...sights)).toBe(violation);
  });
});
