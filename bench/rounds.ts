import { sampleOf, type Bench, type Sample } from './scenario.ts';
import type { ServerWatch } from './server-cost.ts';

/** Something that does a number of operations, one contender of several that take turns. */
export interface Contender {
  name: string;
  /** What a round needs first; not measured. */
  prepare?(round: number): Promise<void>;
  /** Does so many operations. Every round, the first one (0, a warm-up that is not counted) included, has users of its own. */
  run(operations: number, round: number): Promise<void>;
  /** What is to be done after a round; not measured. */
  finish?(round: number): Promise<void>;
  /** Operations of a round, if not as many as the plan says: contenders of very different speed then measure for a similar time. */
  operations?: number;
}

/** One round of one contender, per operation. */
export interface Round {
  perSecond: number;
  /** CPU of the server, and of this process (µs). */
  serverMicros: number;
  clientMicros: number;
}

export type Measured = Map<string, Round[]>;

export interface Plan {
  /** Counted rounds. */
  rounds: number;
  /** Operations of each contender in each round, unless it has a number of its own. */
  operations: number;
}

/** Lets the contenders take turns, each round beginning with another one, so that a slow minute of the machine falls on all. */
export async function takeTurns(bench: Bench, server: ServerWatch, contenders: readonly Contender[], { rounds, operations }: Plan): Promise<Measured> {
  const measured: Measured = new Map(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      bench.signal.throwIfAborted();
      const contender = contenders[(round + turn) % contenders.length];
      if (!contender) continue;
      bench.progress(contender.name, round * contenders.length + turn, (rounds + 1) * contenders.length);
      const count = contender.operations ?? operations;
      await contender.prepare?.(round);
      const figures = await measure(server, count, () => contender.run(count, round));
      await contender.finish?.(round);
      if (round > 0) measured.get(contender.name)?.push(figures);
    }
  }
  return measured;
}

/** Measures one stretch of work. */
export async function measure(server: ServerWatch, operations: number, work: () => Promise<void>): Promise<Round> {
  const before = await server.cost();
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const elapsedMs = performance.now() - startedAt;
  const cpu = process.cpuUsage(cpuBefore);
  const after = await server.cost();
  return {
    perSecond: (operations / elapsedMs) * 1000,
    serverMicros: (after.cpuMicros - before.cpuMicros) / operations,
    clientMicros: (cpu.user + cpu.system) / operations,
  };
}

/** One value of all rounds of a contender. */
export function sample(measured: Measured, name: string, value: keyof Round): Sample {
  return sampleOf(roundsOf(measured, name).map((round) => round[value]));
}

/** How many times one contender's value is another's, round by round. */
export function ratio(measured: Measured, name: string, base: string, value: keyof Round): Sample {
  const bases = roundsOf(measured, base);
  return sampleOf(roundsOf(measured, name).map((round, i) => round[value] / (bases[i]?.[value] ?? Number.NaN)));
}

/** By how much one contender's value is more than another's, round by round. */
export function difference(measured: Measured, name: string, base: string, value: keyof Round): Sample {
  const bases = roundsOf(measured, base);
  return sampleOf(roundsOf(measured, name).map((round, i) => round[value] - (bases[i]?.[value] ?? Number.NaN)));
}

function roundsOf(measured: Measured, name: string): Round[] {
  const rounds = measured.get(name);
  if (!rounds) throw new Error(`No contender is called ${name}.`);
  return rounds;
}
