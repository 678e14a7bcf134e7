/** Values of several rounds, or one value three times. */
export interface Sample {
  median: number;
  min: number;
  max: number;
}

export type Unit = '/s' | 'µs' | 'ms' | 's' | 'bytes' | '×' | '';

export interface Column {
  name: string;
  unit: Unit;
}

export interface Row {
  name: string;
  /** By the name of the column; a column may be empty in some rows. */
  values: Record<string, Sample>;
}

/** What is drawn of a table. */
export interface Chart {
  /** One bar a row, or one line a column over rows that are numbers. */
  kind: 'bars' | 'lines';
  columns: string[];
  /** Whether the axis of values is logarithmic. */
  logarithmic?: boolean;
}

export interface Table {
  /** Names the chart's file too: lower case, words joined by hyphens. */
  name: string;
  title: string;
  columns: Column[];
  rows: Row[];
  chart?: Chart;
}

/** One number that stands for a scenario: a goal is set for it, or the regression check watches it, or both. */
export interface Figure {
  name: string;
  unit: Unit;
  value: Sample;
  better: 'lower' | 'higher';
  /** Whether `--check` compares it: ratios of server CPU and bytes, never what the wall clock timed. */
  checked: boolean;
}

export interface Outcome {
  tables: Table[];
  figures: Figure[];
  /** Sentences that belong under the tables. */
  notes?: string[];
}

export interface Bench {
  /** `check`: only what the regression check compares, in fewer rounds. */
  effort: 'full' | 'check';
  /** Says how far a scenario is. */
  progress(what: string, done: number, total: number): void;
  /** Aborts when the run is asked to stop. */
  signal: AbortSignal;
}

export interface Scenario {
  name: string;
  title: string;
  /** How it measures, in a few sentences; stands in the results. */
  method: string;
  run(bench: Bench): Promise<Outcome>;
}

/** Median, least and most of some values. */
export function sampleOf(values: readonly number[]): Sample {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? upper) : upper;
  return { median: (lower + upper) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** A value that was measured once, or that has no spread. */
export const single = (value: number): Sample => sampleOf([value]);
