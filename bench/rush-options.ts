import { Command, InvalidArgumentError } from 'commander';
import { grouped, httpUrl, promotionId, wholeNumber } from './option-values.ts';

/** What the command line asks for. */
export interface RushArguments {
  users: number;
  stock: number;
  promotion: string;
  /** Undefined: the system's own. */
  batch?: number;
  url?: string;
  redis?: string;
  timeoutMs: number;
  json: boolean;
}

const USERS_MAX = 1_000_000;
const STOCK_MAX = 1_000_000_000;
const BATCH_MAX = 1000;
const TIMEOUT_SECONDS_MAX = 86_400;
/** The default time-out: twice what the default pace of 100 users a second needs for everyone, and time to join. */
const TIMEOUT_SECONDS_BASE = 120;
const USERS_PER_SECOND = 100;

const ABOUT =
  'Sends a crowd through the HTTP API of a running system: everyone joins at the same moment and polls as a phone would, until each ' +
  'has won or lost. Then audits that exactly the stock was issued, to the first in line, and that nobody was left over. ' +
  'Exit code 1 if the audit fails.';

const NOTES = `
Without --url the crowd goes to the local run of this folder (npm start), and if none runs, to a system of its own that is
started for it, in the Redis of REDIS_URL if that is set, and removed afterwards.

A promotion that anyone has joined already is refused: the audit counts everyone in it as one of its crowd. For the same
reason nobody else should join the promotion in the meantime. The promotion stays; remove it with /control when it is in the way.

The audit looks into Redis where it can: that of the local run, of its own system, or of --redis. Else it goes by HTTP alone
and says what it could not see.

With --json the result goes to standard output as one object, progress to standard error: npm run --silent rush -- --json`;

/**
 * Reads the command line. A wrong one ends the process with code 1 and a sentence that names the option and its rule.
 * @param argv as process.argv
 */
export function readRushArguments(argv: readonly string[]): RushArguments {
  const command = new Command('npm run rush --')
    .description(ABOUT)
    .option('--users <n>', `size of the crowd, 1 to ${grouped(USERS_MAX)}, 3 KB of memory each`, wholeNumber(1, USERS_MAX), 3000)
    .option('--stock <n>', `coupons to issue, 0 to ${grouped(STOCK_MAX)}`, wholeNumber(0, STOCK_MAX), 500)
    .option('--promotion <id>', 'a promotion that nobody has joined (default: a new one)', promotionId)
    .option('--batch <n>', `users admitted per second by a system of its own, 1 to ${grouped(BATCH_MAX)} (default: 100)`, wholeNumber(1, BATCH_MAX))
    .option('--url <url>', 'the running system to use', httpUrl)
    .option('--redis <url>', 'the Redis of the running system, for the audit', redisUrl)
    .option('--timeout <seconds>', 'time for the crowd (default: by its size)', wholeNumber(1, TIMEOUT_SECONDS_MAX))
    .option('--json', 'print the result as JSON')
    .allowExcessArguments(false)
    .addHelpText('after', NOTES);
  const { timeout, promotion = `rush-${Date.now()}`, ...given } = command
    .parse(argv)
    .opts<Omit<RushArguments, 'timeoutMs' | 'promotion' | 'json'> & { timeout?: number; promotion?: string; json?: true }>();
  if (given.batch !== undefined && given.url !== undefined) {
    command.error("error: option '--batch' is for a system that rush starts by itself, and '--url' names one that runs: leave one of them out.");
  }
  return { ...given, json: given.json === true, promotion, timeoutMs: (timeout ?? timeoutSeconds(given)) * 1000 };
}

function timeoutSeconds({ users, stock, batch = USERS_PER_SECOND }: { users: number; stock: number; batch?: number }): number {
  return TIMEOUT_SECONDS_BASE + Math.ceil(users / USERS_PER_SECOND + Math.min(users, stock) / batch);
}


function redisUrl(text: string): string {
  if (/^rediss?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('It must be a redis:// or rediss:// URL.');
}
