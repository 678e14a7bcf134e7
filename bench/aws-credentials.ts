import * as v from 'valibot';
import type { AwsCredentials } from '../lambda/queue/redis-token.ts';

/** An unset variable and an empty one are the same: CI systems write the latter for what they do not have. */
const text = v.optional(v.string(), '');
const environment = v.object({ AWS_ACCESS_KEY_ID: text, AWS_SECRET_ACCESS_KEY: text, AWS_SESSION_TOKEN: text, AWS_REGION: text, AWS_DEFAULT_REGION: text });

/** Who an operator is to AWS, as far as the environment says it. */
export interface AwsIdentity {
  /** Undefined without an access key. */
  credentials: AwsCredentials | undefined;
  region: string | undefined;
}

/**
 * Reads AWS's usual variables. `aws configure export-credentials --format env` prints them for any way to log in.
 * @throws Error with a sentence if there is an access key without its secret
 */
export function readAwsIdentity(env: NodeJS.ProcessEnv): AwsIdentity {
  const given = v.parse(environment, env);
  const region = given.AWS_REGION || given.AWS_DEFAULT_REGION || undefined;
  if (given.AWS_ACCESS_KEY_ID === '') return { credentials: undefined, region };
  if (given.AWS_SECRET_ACCESS_KEY === '') throw new Error('AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not: set both, or neither.');
  const credentials = {
    accessKeyId: given.AWS_ACCESS_KEY_ID,
    secretAccessKey: given.AWS_SECRET_ACCESS_KEY,
    sessionToken: given.AWS_SESSION_TOKEN || undefined,
  };
  return { credentials, region };
}
