import {
  ACCOUNT_ID,
  DEPLOYED_QUEUE_HOST,
  DEPLOYED_REDIS_HOST,
  DEPLOYED_REDIS_URL,
  REGION,
  deployedQueueUrl,
} from './intrinsics.ts';
import { Failure } from './failure.ts';
import type { FunctionModel } from './template.ts';

/** What this machine offers in place of AWS. */
export interface LocalEndpoints {
  redisUrl: string;
  redisMode: 'cluster' | 'single';
  sqsEndpoint: string;
  queueIds: string[];
}

/** The URL of a queue of the emulator; the host name that the emulator itself answers does not resolve. */
export const localQueueUrl = (sqsEndpoint: string, queueId: string): string => `${sqsEndpoint}/${ACCOUNT_ID}/${queueId}`;

/** Credentials that the emulator takes; with these, a mistake can never reach a real account. */
export const LOCAL_CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };

/**
 * A function's environment on this machine: what the template says, with these and only these replaced:
 * the Redis endpoint with its TLS, the mode in which that Redis is spoken to, the sign-in to it, queue URLs, and AWS credentials.
 * @throws Failure if a value would still lead to something that only exists on AWS.
 */
export function localEnvironment(model: FunctionModel, endpoints: LocalEndpoints): Record<string, string> {
  const replaced = new Map([[DEPLOYED_REDIS_URL, endpoints.redisUrl]]);
  for (const id of endpoints.queueIds) replaced.set(deployedQueueUrl(id), localQueueUrl(endpoints.sqsEndpoint, id));
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(model.environment)) {
    const local = replaced.get(value) ?? value;
    if (local.includes(DEPLOYED_REDIS_HOST) || local.includes(DEPLOYED_QUEUE_HOST)) {
      throw new Failure(`The local run can't replace ${value} in ${name} of ${model.name}: teach it in local/replacements.ts.`);
    }
    environment[name] = local;
  }
  if (environment.REDIS_MODE !== undefined) environment.REDIS_MODE = endpoints.redisMode;
  if (environment.REDIS_AUTH !== undefined) environment.REDIS_AUTH = 'none';
  if (environment.REDIS_URL !== undefined && environment.REDIS_URL !== endpoints.redisUrl) {
    throw new Failure(`REDIS_URL of ${model.name} does not lead to the stack's own Redis: the local run would write elsewhere.`);
  }
  return {
    ...environment,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
    AWS_ENDPOINT_URL_SQS: endpoints.sqsEndpoint,
  };
}
