import { drawCharts } from './charts.ts';
import { showProgress } from './bench-progress.ts';
import { thisMachine } from './machine.ts';
import { addRun, readCommittedResults, readResults, writeResults, type Results } from './results.ts';
import { writeResultsPage } from './results-page.ts';
import { regressions } from './regressions.ts';
import type { Bench, Figure, Scenario } from './scenario.ts';
import { scenarioOf } from './scenarios.ts';

/** A figure counts as worse only if it is worse in each of so many runs: the machine may have had a bad minute. */
const CHECK_ATTEMPTS = 3;

export interface BenchOptions {
  names: readonly string[];
  check: boolean;
  signal: AbortSignal;
}

/**
 * Runs scenarios one after another and writes their results, or checks them against the committed ones.
 * @returns what is worse, a sentence each; nothing without `check`
 */
export async function runBench({ names, check, signal }: BenchOptions): Promise<string[]> {
  const machine = await thisMachine();
  const faults: string[] = [];
  let results = check ? await readCommittedResults() : await readResults();
  for (const name of names) {
    const scenario = await scenarioOf(name);
    if (!scenario) throw new Error(`There is no scenario ${name}.`);
    if (check) {
      faults.push(...(await checkScenario(scenario, results, signal)));
      continue;
    }
    const outcome = await perform(scenario, 'full', signal);
    const { title, method } = scenario;
    results = addRun(results, name, { title, method, machine, outcome });
    // Each by itself, so that what was measured is not lost when a later scenario fails.
    await writeResults(results);
    await drawCharts(outcome.tables);
    await writeResultsPage(results);
    for (const figure of outcome.figures) console.log(line(figure));
  }
  return faults;
}

async function checkScenario(scenario: Scenario, committed: Results, signal: AbortSignal): Promise<string[]> {
  const watched = committed[scenario.name]?.outcome.figures.filter(({ checked }) => checked) ?? [];
  if (watched.length === 0) return [];
  let faults: string[] = [];
  for (let attempt = 1; attempt <= CHECK_ATTEMPTS; attempt++) {
    const { figures } = await perform(scenario, 'check', signal);
    const missing = watched.filter(({ name }) => !figures.some((figure) => figure.name === name));
    if (missing.length > 0) return missing.map(({ name }) => `${name} is no longer measured: run \`npm run bench -- ${scenario.name}\` and commit its results.`);
    faults = regressions(committed, scenario.name, figures);
    for (const figure of figures) if (figure.checked) console.log(line(figure));
    if (faults.length === 0) break;
  }
  return faults;
}

async function perform(scenario: Scenario, effort: Bench['effort'], signal: AbortSignal) {
  const view = showProgress(scenario.title);
  try {
    return await scenario.run({ effort, signal, progress: view.show });
  } finally {
    view.stop();
  }
}

const line = ({ name, unit, value: { median, min, max } }: Figure) =>
  `${name}: ${median.toPrecision(4)}${unit === '×' ? '' : ` ${unit}`} (${min.toPrecision(4)} to ${max.toPrecision(4)})`;
