import { describe, expect, test } from 'vitest';
import { regressions } from '../../bench/regressions.ts';
import type { Results } from '../../bench/results.ts';
import { type Figure, single } from '../../bench/scenario.ts';

const figure = (value: number, more: Partial<Figure> = {}): Figure => ({ name: 'cost', unit: '×', value: single(value), better: 'lower', checked: true, ...more });
const committed = (...figures: Figure[]): Results => ({
  join: { title: '', method: '', machine: { date: '', node: '', redis: '', cpu: '', cores: 1 }, outcome: { tables: [], figures }, runs: [] },
});

describe('regressions', () => {
  test('a rise of more than a quarter is told with both values', () => {
    expect(regressions(committed(figure(4)), 'join', [figure(5.1)])).toEqual(['cost is 5.10, and was 4.00: 27 % worse, more than 25 %.']);
  });

  test('a rise of a quarter passes, and so does any fall', () => {
    expect(regressions(committed(figure(4)), 'join', [figure(5)])).toEqual([]);
    expect(regressions(committed(figure(4)), 'join', [figure(1)])).toEqual([]);
  });

  test('where more is better, a fall counts', () => {
    const higher = { better: 'higher' } as const;
    expect(regressions(committed(figure(4, higher)), 'join', [figure(3.1, higher)])).toHaveLength(1);
    expect(regressions(committed(figure(4, higher)), 'join', [figure(8, higher)])).toEqual([]);
  });

  test('what the wall clock timed, and what was never measured before, is not compared', () => {
    expect(regressions(committed(figure(4)), 'join', [figure(9, { checked: false })])).toEqual([]);
    expect(regressions(committed(), 'join', [figure(9)])).toEqual([]);
    expect(regressions({}, 'join', [figure(9)])).toEqual([]);
  });
});
