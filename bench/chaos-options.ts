import { randomInt } from 'node:crypto';
import { Command } from 'commander';
import { wholeNumber } from './option-values.ts';

/** What the command line asks for. */
export interface ChaosArguments {
  users: number;
  stock: number;
  seed: number;
  rounds: number;
  timeoutMs: number;
  json: boolean;
}

const USERS_MAX = 100_000;
/** Each fault waits for its share of the stock, and for those there must be takers. */
const STOCK_MIN = 50;
const STOCK_MAX = 50_000;
/** Half of the crowd comes only as the sale goes on. */
const USERS_PER_COUPON_MIN = 2;
const SEED_MAX = 4_294_967_295;
const ROUNDS_MAX = 100;
const TIMEOUT_SECONDS_MAX = 86_400;
/** The default time-out: for the crowd, and for each round with its starts and a wait for the one-minute rule. */
const TIMEOUT_SECONDS_BASE = 120;
const TIMEOUT_SECONDS_ROUND = 240;

const ABOUT =
  'Lets a crowd rush for coupons on a system of its own while it kills (SIGKILL) and pauses (SIGSTOP) its parts one after the other: Redis, ' +
  'function processes, the consumers of the queue, the drain loop and the runner itself; and loses messages for good. Then audits from outside, by HTTP and Redis, that ' +
  'nothing was lost and nobody won twice. Exit code 1 if not.';

const NOTES = `
The faults, their order and their lengths follow from the seed. Each begins when its share of the stock is issued, so all of them hit
a sale that goes on. Where a killed drain loop has to wait for the next one-minute rule, the sale stands still for up to 60 s.

With --json the result goes to standard output as one object, progress to standard error: npm run --silent chaos -- --json`;

/**
 * Reads the command line. A wrong one ends the process with code 1 and a sentence that names the option and its rule.
 * @param argv as process.argv
 */
export function readChaosArguments(argv: readonly string[]): ChaosArguments {
  const command = new Command('npm run chaos --')
    .description(ABOUT)
    .option('--users <n>', 'size of the crowd, at least twice the stock', wholeNumber(USERS_PER_COUPON_MIN * STOCK_MIN, USERS_MAX), 10_000)
    .option('--stock <n>', 'coupons to issue', wholeNumber(STOCK_MIN, STOCK_MAX), 2_000)
    .option('--seed <n>', 'what decides the faults (default: a new one)', wholeNumber(0, SEED_MAX))
    .option('--rounds <n>', 'how often each kind of fault comes', wholeNumber(1, ROUNDS_MAX), 2)
    .option('--timeout <seconds>', 'time for the crowd (default: by the rounds)', wholeNumber(1, TIMEOUT_SECONDS_MAX))
    .option('--json', 'print the result as JSON')
    .addHelpText('after', NOTES);
  const { timeout, seed, json, ...given } = command
    .parse(argv)
    .opts<{ users: number; stock: number; rounds: number; seed?: number; timeout?: number; json?: true }>();
  if (given.users < USERS_PER_COUPON_MIN * given.stock) {
    command.error(`error: option '--users' must be at least ${USERS_PER_COUPON_MIN} times '--stock', so that there are takers at every stage of the sale.`);
  }
  const timeoutSeconds = timeout ?? TIMEOUT_SECONDS_BASE + given.rounds * TIMEOUT_SECONDS_ROUND;
  return { ...given, seed: seed ?? randomInt(SEED_MAX), json: json === true, timeoutMs: timeoutSeconds * 1000 };
}
