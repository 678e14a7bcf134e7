import * as v from 'valibot';

/** A whole number in a decimal string, as environment variables carry it. */
const wholeNumber = (min: number, max: number) =>
  v.pipe(
    v.string(),
    v.regex(/^(0|[1-9]\d{0,14})$/, 'must be a whole number'),
    v.transform(Number),
    v.minValue(min, `must be at least ${min}`),
    v.maxValue(max, `must be at most ${max}`),
  );

/** Bounds of the drain script: a batch's statuses must fit Lua's argument stack, an interval must leave Redis time to breathe. */
export const BATCH_SIZE_MAX = 1000;
export const DRAIN_INTERVAL_MS_MIN = 50;

const redis = {
  REDIS_URL: v.pipe(v.string(), v.regex(/^rediss?:\/\/\S+$/, 'must be a redis:// or rediss:// URL')),
  REDIS_MODE: v.picklist(['cluster', 'single'], 'must be cluster or single'),
  REDIS_AUTH: v.pipe(v.string(), v.regex(/^(none|iam:[A-Za-z0-9-]+@[A-Za-z0-9-]+)$/, 'must be none or iam:<user>@<replication group>')),
};
const pace = {
  BATCH_SIZE: wholeNumber(1, BATCH_SIZE_MAX),
  DRAIN_INTERVAL_MS: wholeNumber(DRAIN_INTERVAL_MS_MIN, 60_000),
};

/** Where a stage is closed no user is taken from a request, even if somebody takes the authorizer off its route. */
const user = { USER_FROM: v.picklist(['token', 'request'], 'must be token or request') };

/** What each function's environment must hold; the infrastructure code is typed by it, the functions check it as they start. */
export const environments = {
  join: v.object({ ...redis, ...user }),
  status: v.object({ ...redis, ...user, ...pace }),
  'init-stock': v.object(redis),
  info: v.object(redis),
  control: v.object(redis),
  'drain-loop': v.object({
    ...redis,
    ...pace,
    MAX_IN_FLIGHT: wholeNumber(1, 1_000_000),
    LEASE_MS: wholeNumber(1000, 3_600_000),
    ON_EVICTION: v.picklist(['warn', 'refuse'], 'must be warn or refuse'),
    QUEUE_URL: v.pipe(v.string(), v.regex(/^https?:\/\/\S+$/, 'must be an http(s) URL')),
  }),
  issuer: v.object(redis),
};

export type FunctionName = keyof typeof environments;
/** The environment of a function as CloudFormation must write it: every value a string. */
export type Environment<F extends FunctionName> = v.InferInput<(typeof environments)[F]>;
/** The environment of a function as its code reads it. */
export type Config<F extends FunctionName> = v.InferOutput<(typeof environments)[F]>;

/**
 * Reads and checks the environment of one function. This is the only place in lambda/ that reads process.env.
 * @throws Error that names every variable that is missing or wrong, and its rule.
 */
export function readConfig<F extends FunctionName>(name: F, env: NodeJS.ProcessEnv = process.env): Config<F> {
  const result = v.safeParse(environments[name], env);
  if (result.success) return result.output;
  const faults = result.issues.map((issue) => {
    const variable = v.getDotPath(issue) ?? '?';
    return env[variable] === undefined ? `${variable} is missing` : `${variable} ${issue.message}`;
  });
  throw new Error(`The environment of ${name} is not complete: ${faults.join('; ')}.`);
}

const awsIdentity = v.object({
  AWS_REGION: v.string(),
  AWS_ACCESS_KEY_ID: v.string(),
  AWS_SECRET_ACCESS_KEY: v.string(),
  AWS_SESSION_TOKEN: v.optional(v.string()),
});

/**
 * The function's own region and credentials, as Lambda puts them into its environment.
 * @throws Error that names what is missing.
 */
export function readAwsIdentity(env: NodeJS.ProcessEnv = process.env) {
  const result = v.safeParse(awsIdentity, env);
  if (!result.success) {
    const missing = result.issues.map((issue) => v.getDotPath(issue)).join(', ');
    throw new Error(`REDIS_AUTH asks for IAM, but the environment has no ${missing}: Lambda sets them, elsewhere do it by hand.`);
  }
  const { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = result.output;
  return { region: AWS_REGION, accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY, sessionToken: AWS_SESSION_TOKEN };
}
