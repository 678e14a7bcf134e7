import { SingleBar } from 'cli-progress';
import { InvalidArgumentError, program } from 'commander';
import { type Lane, openLane, runSeeds } from './lane.ts';
import type { SeedResult } from './run-seed.ts';
import { simulatedScripts } from './simulated-scripts.ts';

const SEED_MAX = 2 ** 31 - 1;
const LANES_MAX = 16;
/** Failing seeds after which a campaign ends. */
const FAILURES_MAX = 10;
/** Without a terminal to draw in, a line is written after so many ms. */
const LINE_INTERVAL_MS = 10_000;

const wholeNumber = (most: number) => (text: string) => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > most) throw new InvalidArgumentError(`It must be a whole number from 1 to ${most}.`);
  return value;
};

program
  .name('npm run simulate --')
  .description('Runs the queue under a seeded scheduler that loses, repeats, delays, reorders and crashes, and holds every step against the promises.')
  .option('--seeds <count>', 'seeds to run', wholeNumber(SEED_MAX), 10_000)
  .option('--from <seed>', 'the first of them', wholeNumber(SEED_MAX), 1)
  .option('--seed <seed>', 'replays one seed and shows its last steps', wholeNumber(SEED_MAX))
  .option('--lanes <count>', 'Redis servers, each with a seed at a time', wholeNumber(LANES_MAX), 2)
  .parse();
const { seeds, from, seed, lanes: laneCount } = program.opts<{ seeds: number; from: number; seed?: number; lanes: number }>();

let broken = false;
const breakOff = () => {
  // The seeds that run come to their end; whoever asks twice does not want to wait, and the servers notice.
  if (broken) process.exit(1);
  broken = true;
};
process.on('SIGINT', breakOff).on('SIGTERM', breakOff);

const lanes: Lane[] = [];
try {
  const opening = await Promise.allSettled(Array.from({ length: seed === undefined ? laneCount : 1 }, openLane));
  for (const opened of opening) if (opened.status === 'fulfilled') lanes.push(opened.value);
  for (const opened of opening) if (opened.status === 'rejected') throw opened.reason;
  await (seed === undefined ? campaign() : replay(seed));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  await Promise.all(lanes.map((lane) => lane.close()));
}

async function replay(seed: number): Promise<void> {
  await runSeeds(lanes, simulatedScripts(), once(seed), (result) => {
    console.log(result.history.join('\n'));
    console.log(result.broken === undefined ? `Seed ${seed}: all promises held, ${result.steps} steps.` : `Seed ${seed}: ${result.broken}`);
    if (result.broken !== undefined) process.exitCode = 1;
  });
}

function once(seed: number): () => number | undefined {
  let next: number | undefined = seed;
  return () => {
    const taken = next;
    next = undefined;
    return taken;
  };
}

async function campaign(): Promise<void> {
  const startedAt = performance.now();
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: '{bar} {value} of {total} seeds, {perSecond}/s, {failed} failed', hideCursor: true, gracefulExit: false })
    : undefined;
  bar?.start(seeds, 0, { perSecond: 0, failed: 0 });
  let next = from;
  let done = 0;
  let steps = 0;
  let lineAt = startedAt + LINE_INTERVAL_MS;
  const failures: SeedResult[] = [];
  const tally = new Map<string, number>();
  const perSecond = () => Math.round((done * 1000) / (performance.now() - startedAt));
  await runSeeds(
    lanes,
    simulatedScripts(),
    () => (!broken && failures.length < FAILURES_MAX && next < from + seeds ? next++ : undefined),
    (result) => {
      done += 1;
      steps += result.steps;
      for (const [what, count] of [...result.faults, ...result.endings]) tally.set(what, (tally.get(what) ?? 0) + count);
      if (result.broken !== undefined) failures.push(result);
      bar?.update(done, { perSecond: perSecond(), failed: failures.length });
      if (!bar && performance.now() >= lineAt) {
        lineAt += LINE_INTERVAL_MS;
        console.error(`${done} of ${seeds} seeds, ${perSecond()}/s, ${failures.length} failed`);
      }
    },
  );
  bar?.stop();
  for (const { seed, broken, history } of failures) console.log(`\nSeed ${seed}: ${broken}\n${history.join('\n')}\nReplay it: npm run simulate -- --seed ${seed}`);
  console.log([...tally].toSorted((a, b) => b[1] - a[1]).map(([what, count]) => `${String(count).padStart(9)} × ${what}`).join('\n'));
  console.log(`${done} seeds, ${steps} steps, ${perSecond()} seeds per second; ${failures.length === 0 ? 'all promises held' : `${failures.length} failed`}.`);
  if (failures.length > 0 || broken) process.exitCode = 1;
}
