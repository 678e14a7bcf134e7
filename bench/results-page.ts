import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { chartFile } from './charts.ts';
import { goals, isReached, type Goal } from './goals.ts';
import { inUnit, withSpread } from './numbers.ts';
import { benchFolder, RUNS_KEPT, type Machine, type ScenarioRecord, type Results } from './results.ts';
import type { Column, Figure, Sample, Table } from './scenario.ts';
import { scenarioNames } from './scenarios.ts';

/** Writes RESULTS.md from the results: goals first, then each scenario with its method, tables and charts. */
export async function writeResultsPage(results: Results): Promise<void> {
  await writeFile(path.join(benchFolder, 'RESULTS.md'), resultsPage(results));
}

/** The text of RESULTS.md. */
export function resultsPage(results: Results): string {
  const known = scenarioNames.flatMap((name) => (results[name] ? [{ name, ...results[name] }] : []));
  return [
    '# Results',
    '',
    'Written by `npm run bench`; not by hand. Contenders take turns round by round in one run on one machine, so ratios count and absolute',
    'figures belong to that machine. Server CPU is user and system time of the thread that runs commands, from `INFO`. Values are medians',
    'over the rounds, with the least and the most in brackets.',
    '',
    '## Goals',
    '',
    `The last ${RUNS_KEPT} runs, the newest one last.`,
    '',
    ...goalsTable(known),
    ...known.flatMap(section),
    '',
  ].join('\n');
}

function goalsTable(records: readonly ScenarioRecord[]): string[] {
  const runs = Array.from({ length: RUNS_KEPT }, (_, i) => i);
  const rows = goals.map((goal) => {
    const found = records.map(({ runs: all }) => all.map((figures) => figures.find(({ name }) => name === goal.figure))).find((figures) => figures.some(Boolean)) ?? [];
    const shown = runs.map((i) => (found[i] ? inUnit(found[i].value.median, found[i].unit) : ''));
    return `| ${goal.figure} | ${boundOf(goal, found.find(Boolean))} | ${shown.join(' | ')} | ${verdict(goal, found.filter((figure) => figure !== undefined))} |`;
  });
  return [`| figure | goal | ${runs.map((i) => `run ${i + 1}`).join(' | ')} | |`, `| --- | --- |${' --- |'.repeat(RUNS_KEPT + 1)}`, ...rows, ''];
}

const boundOf = ({ atMost, atLeast }: Goal, figure: Figure | undefined): string => {
  const unit = figure?.unit ?? '';
  return `${atMost === undefined ? '≥' : '≤'} ${inUnit(atMost ?? atLeast ?? 0, unit)}${suffix(unit)}`;
};

function verdict(goal: Goal, figures: readonly Figure[]): string {
  const reached = figures.filter(({ value }) => isReached(goal, value.median)).length;
  if (figures.length === 0) return 'not measured';
  if (reached === 0) return 'not reached';
  return reached === figures.length ? 'reached' : `reached in ${reached} of ${figures.length}`;
}

const suffix = (unit: string) => (unit === '' || unit === '×' ? '' : unit === '/s' ? '/s' : ` ${unit}`);

function section({ title, method, machine, outcome: { tables, figures, notes = [] } }: ScenarioRecord): string[] {
  return [
    `## ${title}`,
    '',
    method,
    '',
    machineLine(machine),
    '',
    ...tables.flatMap(tableText),
    ...figures.map(({ name, unit, value }) => `- ${name}: ${withSpread(value, unit)}${suffix(unit)}`),
    ...notes.map((note) => `- ${note}`),
    '',
  ];
}

const machineLine = ({ date, node, redis, cpu, cores }: Machine) => `${date}, Node ${node}, Redis ${redis}, ${cores} cores (${cpu}).`;

function tableText(table: Table): string[] {
  const { title, columns, rows, chart } = table;
  return [
    `### ${title}`,
    '',
    `| | ${columns.map(({ name, unit }) => `${name}${unit === '' || unit === '×' ? '' : `, ${unit}`}`).join(' | ')} |`,
    `| --- |${' --- |'.repeat(columns.length)}`,
    ...rows.map(({ name, values }) => `| ${name} | ${columns.map((column) => cellOf(values[column.name], column)).join(' | ')} |`),
    '',
    ...(chart ? [`![${title}](${chartFile(table)})`, ''] : []),
  ];
}

const cellOf = (value: Sample | undefined, { unit }: Column) => (value ? withSpread(value, unit) : '');
