import { Command } from 'commander';
import { showProgress } from '../bench/bench-progress.ts';
import { measureCapacity } from '../bench/capacity/capacity.ts';
import { capacityReport } from '../bench/capacity/report.ts';
import { wholeNumber } from '../bench/option-values.ts';

const MAX = 1_000_000_000;
/** Share of users that win, where shards are looked at: most of a crowd loses. */
const WINNERS = 0.1;

const program = new Command('npm run capacity --')
  .description('Measures what operations cost a Redis and how promotions spread over a cluster, and reckons how far that goes on AWS, and what gives first.')
  .option('--polls <count>', 'polls of each user', wholeNumber(0, MAX), 3)
  .option('--stock <count>', 'coupons of the one promotion that is rushed for', wholeNumber(1, MAX), 10_000)
  .option('--seconds <count>', 'how long that rush lasts', wholeNumber(1, MAX), 10)
  .option('--json', 'write JSON instead of tables', false)
  .parse();

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort(new Error('The measurement was stopped.')));

const view = showProgress('Capacity');
try {
  const { polls, stock, seconds, json } = program.opts<{ polls: number; stock: number; seconds: number; json: boolean }>();
  const capacity = await measureCapacity({ pollsPerUser: polls, stock, seconds, winners: WINNERS }, { progress: view.show, signal: stopping.signal });
  view.stop();
  console.log(json ? JSON.stringify(capacity, undefined, 2) : capacityReport(capacity));
} catch (error) {
  view.stop();
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
