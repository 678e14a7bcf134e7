import { Command, Option } from 'commander';
import { type StageName, stages } from '../../lib/stages.ts';
import { wholeNumber } from '../option-values.ts';
import { type Region, regions } from './prices.ts';
import type { Sale } from './sale.ts';

/** What the command line asks for. */
export interface CostOptions {
  readonly sale: Sale;
  readonly stage: StageName;
  readonly regions: readonly Region[];
  readonly json: boolean;
  /** Instead of all this, write the tables of the documentation. */
  readonly write: boolean;
}

const JOINS_MAX = 1_000_000_000;
const POLLS_MAX = 10_000;
const ENVIRONMENTS_MAX = 100_000;
/** A month. */
const HOURS_MAX = 744;

/** The sale that is reckoned with unless another one is asked for, and that the documentation shows. */
export const usualSale: Sale = { joins: 1_000_000, pollsPerUser: 10, coupons: 100_000, provisioned: { environments: 0, hours: 1 } };

/**
 * Reads the command line. A wrong one ends the process with code 1 and a sentence that names the option and its rule.
 * @param argv as process.argv
 */
export function readCostOptions(argv: readonly string[]): CostOptions {
  const { joins, polls, coupons, provisioned, hours, stage, region, json, write } = new Command('npm run cost --')
    .description('Reckons what a sale costs on AWS, and a month in which nothing is sold, line by line, and says what it rests on. Asks nobody: prices stand in bench/cost/prices.ts.')
    .option('--joins <count>', 'users who join', wholeNumber(1, JOINS_MAX), usualSale.joins)
    .option('--polls <count>', 'polls of each of them', wholeNumber(0, POLLS_MAX), usualSale.pollsPerUser)
    .option('--coupons <count>', 'coupons', wholeNumber(0, JOINS_MAX), usualSale.coupons)
    .option('--provisioned <count>', 'environments that are kept warm, of join and of status each', wholeNumber(0, ENVIRONMENTS_MAX), usualSale.provisioned.environments)
    .option('--hours <count>', 'for how long they are kept warm', wholeNumber(1, HOURS_MAX), usualSale.provisioned.hours)
    .addOption(new Option('--region <name>', 'one region (default: both)').choices(regions))
    .addOption(new Option('--stage <name>', 'the stage of lib/stages.ts that is deployed').choices(Object.keys(stages)).default('prod'))
    .option('--json', 'write JSON instead of tables', false)
    .option('--write', 'write the tables of docs/capacity.md, for the defaults, and nothing else', false)
    .allowExcessArguments(false)
    .parse(argv)
    .opts<{ joins: number; polls: number; coupons: number; provisioned: number; hours: number; stage: StageName; region?: Region; json: boolean; write: boolean }>();
  return {
    sale: { joins, pollsPerUser: polls, coupons, provisioned: { environments: provisioned, hours } },
    stage,
    regions: region === undefined ? regions : [region],
    json,
    write,
  };
}
