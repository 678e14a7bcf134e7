import { Redis } from 'ioredis';
import { connectRedis, type RedisClient, type RedisLogin } from '../lambda/queue/redis.ts';
import { signToken } from '../lambda/queue/redis-token.ts';
import { readAwsIdentity } from './aws-credentials.ts';
import { findEndpoints } from './running-system.ts';
import type { WinnersArguments } from './winners-options.ts';

const CONNECT_TIMEOUT_MS = 5_000;

export interface Reached {
  redis: RedisClient;
  /** Where it is, without its password. */
  host: string;
}

/**
 * Connects to the Redis that the command line, the environment (REDIS_URL) or a local run names.
 * @throws Error with a sentence if none is named, or it can't be reached or refuses
 */
export async function reachNamedRedis(args: WinnersArguments, env: NodeJS.ProcessEnv, endpointsFile: string): Promise<Reached> {
  const url = args.redis ?? (env.REDIS_URL || findEndpoints(endpointsFile)?.redisUrl);
  if (url === undefined) throw new Error('No Redis is known here: give --redis or REDIS_URL, or start a local run (npm start).');
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url)) throw new Error('REDIS_URL must be a redis:// or rediss:// URL: correct it, or give --redis.');
  const { host } = new URL(url);
  const login = loginOf(args, url, env);
  try {
    const mode = await modeOf(url, login);
    return { redis: connectRedis({ url, mode, login }), host };
  } catch (error) {
    throw new Error(`The Redis at ${host} can't be read (${error instanceof Error ? error.message : String(error)}): ${advice(error)}.`, { cause: error });
  }
}

function advice(error: unknown): string {
  const refused = error instanceof Error && /^(WRONGPASS|NOAUTH|NOPERM)\b/.test(error.message);
  return refused ? 'check the user, the password or the AWS credentials, and what that user may do' : 'check the address, and whether this machine may reach it';
}

/** Who to be, if not whom the URL names. @throws Error with a sentence if it can't be done */
export function loginOf({ iamUser, replicationGroup, region }: WinnersArguments, url: string, env: NodeJS.ProcessEnv): RedisLogin | undefined {
  if (iamUser === undefined || replicationGroup === undefined) return undefined;
  if (!url.startsWith('rediss:')) throw new Error('--iam-user signs in with a token, which is not sent in plain text: give the rediss:// URL of the cluster.');
  const identity = readAwsIdentity(env);
  const { credentials } = identity;
  const where = region ?? identity.region;
  if (credentials === undefined || where === undefined) {
    throw new Error('--iam-user needs AWS credentials and a region: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION.');
  }
  return { username: iamUser, password: () => signToken({ user: iamUser, replicationGroup, region: where }, credentials) };
}

/** Whether it is a cluster, asked as who may do no more than read winners may ask. */
async function modeOf(url: string, login: RedisLogin | undefined): Promise<'cluster' | 'single'> {
  const connection = new Redis(url, {
    ...(login && { username: login.username, password: login.password() }),
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: () => null,
    enableReadyCheck: false,
    disableClientInfo: true,
    protocol: 2,
  });
  // What fails the connection fails the call, which says it less well.
  let fault: unknown;
  connection.on('error', (error) => (fault = error));
  try {
    await connection.connect();
    await connection.cluster('SLOTS');
    return 'cluster';
  } catch (error) {
    if (error instanceof Error && error.message.includes('cluster support disabled')) return 'single';
    throw fault ?? error;
  } finally {
    connection.disconnect();
  }
}
