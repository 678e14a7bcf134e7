import { Command, InvalidArgumentError } from 'commander';
import { promotionId } from './option-values.ts';

/** What the command line asks for. */
export interface WinnersArguments {
  promotion: string;
  redis?: string;
  iamUser?: string;
  replicationGroup?: string;
  region?: string;
  out?: string;
}

const ABOUT =
  'Writes who won as CSV, ticket and user, in the order of the tickets: everyone whose coupon is issued. It only reads Redis, in steps ' +
  'of less than a millisecond, also during a sale, and needs the same memory for a thousand winners and for a million.';

const NOTES = `
Redis is the one of --redis, of REDIS_URL, or of the local run of this folder (npm start). As deployed it is to be reached from within its
VPC only: docs/operate.md says how. --iam-user signs in by IAM, with the credentials of the usual AWS_ variables.

The list holds everyone who had won when it was begun. Who wins meanwhile may be in it or not, so during a sale it is not the last one;
the command says so. CSV goes to standard output, all else to standard error: npm -s run winners -- --promotion 1 > winners.csv`;

/**
 * Reads the command line. A wrong one ends the process with code 1 and a sentence that names the option and its rule.
 * @param argv as process.argv
 */
export function readWinnersArguments(argv: readonly string[]): WinnersArguments {
  const command = new Command('npm run winners --')
    .description(ABOUT)
    .requiredOption('--promotion <id>', 'the promotion', promotionId)
    .option('--redis <url>', 'its Redis, or the configuration endpoint of its cluster', redisUrl)
    .option('--iam-user <id>', 'the ElastiCache user to sign in as', name)
    .option('--replication-group <id>', 'the replication group to sign in to, for --iam-user', name)
    .option('--region <region>', 'its region, for --iam-user (default: AWS_REGION)', name)
    .option('--out <file>', 'the file to write, once it is complete (default: standard output)', fileName)
    .allowExcessArguments(false)
    .addHelpText('after', NOTES);
  const given = command.parse(argv).opts<WinnersArguments>();
  if ((given.iamUser === undefined) !== (given.replicationGroup === undefined)) {
    command.error("error: options '--iam-user' and '--replication-group' need each other: give both, or neither.");
  }
  return given;
}

function redisUrl(text: string): string {
  if (/^rediss?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('It must be a redis:// or rediss:// URL.');
}

function name(text: string): string {
  if (/^[A-Za-z0-9-]+$/.test(text)) return text;
  throw new InvalidArgumentError('It must be letters, digits and hyphens.');
}

function fileName(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('It must name a file.');
}
