import { readFile, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Figure, Outcome } from './scenario.ts';

export const benchFolder = import.meta.dirname;
const file = path.join(benchFolder, 'results.json');

/** Runs of a scenario whose figures are kept. */
export const RUNS_KEPT = 3;

export interface Machine {
  date: string;
  node: string;
  redis: string;
  cpu: string;
  cores: number;
}

/** What is known of one scenario: its last run in full, and the figures of the last few. */
export interface ScenarioRecord {
  title: string;
  method: string;
  machine: Machine;
  outcome: Outcome;
  /** Oldest first, the last one that of `outcome`. */
  runs: Figure[][];
}

export type Results = { [scenario: string]: ScenarioRecord };

/** The results as they stand in the working folder; none if the suite has never run. */
export const readResults = (): Promise<Results> => readFile(file, 'utf8').then(parse, () => ({}));

/** The results as they were last committed; those of the working folder where there is no repository. */
export async function readCommittedResults(): Promise<Results> {
  const git = promisify(execFile)('git', ['show', 'HEAD:./results.json'], { cwd: benchFolder, maxBuffer: 64 * 1024 * 1024 });
  return git.then(({ stdout }) => parse(stdout), () => readResults());
}

export const writeResults = (results: Results): Promise<void> => writeFile(file, `${JSON.stringify(results, roundNumbers, 1)}\n`);

const parse = (text: string) => JSON.parse(text) as Results;

/** Adds one run of a scenario. */
export function addRun(results: Results, scenario: string, run: Omit<ScenarioRecord, 'runs'>): Results {
  const runs = [...(results[scenario]?.runs ?? []), run.outcome.figures].slice(-RUNS_KEPT);
  return { ...results, [scenario]: { ...run, runs } };
}

/** Five digits say all that a measurement knows. */
function roundNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
}
