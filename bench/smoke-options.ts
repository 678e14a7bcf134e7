import { Command } from 'commander';
import { type AwsIdentity, readAwsIdentity } from './aws-credentials.ts';
import { httpUrl, wholeNumber } from './option-values.ts';
import { regionOf } from './operator-signature.ts';

/** What the command line and the environment ask for. */
export interface SmokeArguments {
  url: string;
  token: string | undefined;
  otherToken: string | undefined;
  waitMs: number;
  /** Undefined: nothing is signed. */
  operator: { credentials: NonNullable<AwsIdentity['credentials']>; region: string } | undefined;
}

const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const WAIT_SECONDS_MAX = 900;
/** The loop's rule first starts up to a minute after it was made, and starts may lie 119 s apart. */
const WAIT_SECONDS = 180;

const ABOUT =
  'Tries a deployed system from outside: opens a promotion of its own with one coupon, joins, waits for the coupon, comes too late as a second ' +
  'user, looks at the sums, and removes the promotion, also after a failure. Exit code 1 if a step fails.';

const NOTES = `
Operators' requests are signed with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN if these are set. The user is whom --token names;
without it, in a stage that is open, two made-up users. With --token alone the step of the second user is skipped.`;

/**
 * Reads the command line. A wrong one ends the process with code 1 and a sentence that names the option and its rule.
 * @param argv as process.argv
 */
export function readSmokeArguments(argv: readonly string[], env: NodeJS.ProcessEnv): SmokeArguments {
  const command = new Command('npm run smoke --')
    .description(ABOUT)
    .requiredOption('--url <url>', 'the ApiUrl of the stage', httpUrl)
    .option('--token <jwt>', 'an access token with the scopes of join and status')
    .option('--other-token <jwt>', 'one of another user, who comes too late')
    .option('--region <region>', 'what to sign for (default: as the URL says, or AWS_REGION)')
    .option('--wait <seconds>', 'how long the coupon may take', wholeNumber(1, WAIT_SECONDS_MAX), WAIT_SECONDS)
    .allowExcessArguments(false)
    .addHelpText('after', NOTES);
  const { url, token, otherToken, region, wait } = command
    .parse(argv)
    .opts<{ url: string; token?: string; otherToken?: string; region?: string; wait: number }>();
  // Said without the value, which may be a secret, and which commander would show.
  for (const [name, value] of Object.entries({ '--token': token, '--other-token': otherToken })) {
    if (value !== undefined && !JWT.test(value)) command.error(`error: option '${name}' is no JWT: give an access token, without "Bearer".`);
  }
  if (otherToken !== undefined && token === undefined) command.error("error: option '--other-token' is for a second user: give '--token' of the first one too.");
  if (token !== undefined && otherToken !== undefined && subOf(token) === subOf(otherToken)) {
    command.error("error: options '--token' and '--other-token' name the same user: give '--other-token' of another one.");
  }
  return { url, token, otherToken, waitMs: wait * 1000, operator: operatorOf(url, region, readAwsIdentity(env)) };
}

function operatorOf(url: string, region: string | undefined, identity: AwsIdentity): SmokeArguments['operator'] {
  const { credentials } = identity;
  if (credentials === undefined) return undefined;
  const where = region ?? regionOf(new URL(url)) ?? identity.region;
  if (where === undefined) throw new Error('AWS credentials are set, but no region to sign for is known: give --region, or set AWS_REGION.');
  return { credentials, region: where };
}

/** Whom a token names; what is no token names nobody, and the API says so. */
function subOf(token: string): unknown {
  try {
    return (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub?: unknown }).sub;
  } catch {
    return token;
  }
}
