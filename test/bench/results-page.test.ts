import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { chartFile, chartSvg } from '../../bench/charts.ts';
import { goals } from '../../bench/goals.ts';
import { addRun, benchFolder, readResults, RUNS_KEPT, type Results, type ScenarioRecord } from '../../bench/results.ts';
import { resultsPage } from '../../bench/results-page.ts';
import { sampleOf, single, type Table } from '../../bench/scenario.ts';
import { scenarioNames } from '../../bench/scenarios.ts';

const table: Table = {
  name: 'join-pipelined',
  title: 'Join <pipelined>',
  columns: [{ name: 'server CPU', unit: 'µs' }, { name: '÷ SET', unit: '×' }],
  rows: [
    { name: 'SET', values: { 'server CPU': sampleOf([1.5, 1.4, 1.6]) } },
    { name: 'join', values: { 'server CPU': sampleOf([7, 6, 8]), '÷ SET': single(4.666_66) } },
  ],
  chart: { kind: 'bars', columns: ['server CPU'] },
};
const run = (value: number): Omit<ScenarioRecord, 'runs'> => ({
  title: 'Join',
  method: 'By hand.',
  machine: { date: '2026-11-23', node: '24.0.0', redis: '7.0.15', cpu: 'any', cores: 2 },
  outcome: { tables: [table], figures: [{ name: 'join: server CPU ÷ SET', unit: '×', value: single(value), better: 'lower', checked: true }], notes: ['A note.'] },
});

describe('the results', () => {
  test('keep the figures of the last runs, oldest first', () => {
    let results: Results = {};
    for (let i = 1; i <= RUNS_KEPT + 2; i++) results = addRun(results, 'join', run(i));
    expect(results['join']?.runs.map(([figure]) => figure?.value.median)).toEqual([3, 4, 5]);
    expect(results['join']?.outcome.figures[0]?.value.median).toBe(RUNS_KEPT + 2);
  });

  test('are written with goals, tables, spread and charts', () => {
    const page = resultsPage(addRun(addRun({}, 'join', run(4.5)), 'join', run(5.5)));
    expect(page).toContain('| join: server CPU ÷ SET | ≤ 5 | 4.5 | 5.5 |  | reached in 1 of 2 |');
    expect(page).toContain('| SET | 1.5 (1.4–1.6) |  |');
    expect(page).toContain('| join | 7 (6–8) | 4.67 |');
    expect(page).toContain('![Join <pipelined>](charts/join-pipelined.svg)');
    expect(page).toContain('- A note.');
  });

  test('a chart is an SVG with a label for each row, and its text is escaped', () => {
    const svg = chartSvg(table, { kind: 'bars', columns: ['server CPU'] });
    expect(svg).toMatch(/^<svg [^]*<\/svg>$/);
    expect(svg).toContain('>SET<');
    expect(svg).toContain('Join &lt;pipelined&gt;');
  });
});

test('goals: one bound each, no figure twice', () => {
  expect(goals.filter(({ atMost, atLeast }) => (atMost === undefined) === (atLeast === undefined))).toEqual([]);
  expect(new Set(goals.map(({ figure }) => figure)).size).toBe(goals.length);
});

describe('the committed results', async () => {
  const results = await readResults();

  test('say what RESULTS.md says', () => {
    expect(readFileSync(path.join(benchFolder, 'RESULTS.md'), 'utf8')).toBe(resultsPage(results));
  });

  test('hold a figure for every goal, of scenarios that exist, with their charts', () => {
    const measured = Object.values(results).flatMap(({ outcome }) => outcome.figures.map(({ name }) => name));
    expect(goals.map(({ figure }) => figure).filter((figure) => !measured.includes(figure))).toEqual([]);
    expect(Object.keys(results).filter((name) => !scenarioNames.includes(name))).toEqual([]);
    const charts = Object.values(results).flatMap(({ outcome }) => outcome.tables.filter(({ chart }) => chart).map(chartFile));
    expect(charts.filter((file) => !existsSync(path.join(benchFolder, file)))).toEqual([]);
  });
});
