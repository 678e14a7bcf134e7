import { Argument, Command } from 'commander';
import { runBench } from '../bench/bench.ts';
import { scenarioNames } from '../bench/scenarios.ts';

const program = new Command('npm run bench --')
  .description('Measures the queue beside what else one could use, and the floor below both, on a Redis of its own. Writes bench/RESULTS.md.')
  .addArgument(new Argument('[scenarios...]', 'what to measure; everything by default').choices(scenarioNames))
  .option('--check', 'compare server CPU ratios and bytes with the last committed results, fail if one is more than 25 % worse, and write nothing', false)
  .parse();

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort(new Error('The benchmark was stopped; nothing was written.')));

try {
  const names = program.processedArgs[0] as string[];
  const faults = await runBench({ names: names.length > 0 ? names : scenarioNames, check: program.opts<{ check: boolean }>().check, signal: stopping.signal });
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
