import { type Config, readAwsIdentity } from './config.ts';
import { connectRedis, type RedisClient, type RedisLogin } from './queue/redis.ts';
import { signToken } from './queue/redis-token.ts';

/**
 * The Redis client that a function's environment asks for; it connects at its first command.
 * @throws Error if the environment can't be meant: a token in plain text, or no credentials to sign one with.
 */
export function redisClient(config: Config<'info'>): RedisClient {
  return connectRedis({ url: config.REDIS_URL, mode: config.REDIS_MODE, login: loginOf(config) });
}

function loginOf({ REDIS_AUTH, REDIS_URL }: Config<'info'>): RedisLogin | undefined {
  const [, user, replicationGroup] = /^iam:(.+)@(.+)$/.exec(REDIS_AUTH) ?? [];
  if (user === undefined || replicationGroup === undefined) return undefined;
  if (!REDIS_URL.startsWith('rediss:')) throw new Error('REDIS_AUTH asks for IAM, so REDIS_URL must be a rediss:// URL: a token is not sent in plain text.');
  // Looked at once now, so that what is missing is known before the first request is; and again for each token, since they are renewed.
  readAwsIdentity();
  return {
    username: user,
    password() {
      const { region, ...credentials } = readAwsIdentity();
      return signToken({ user, replicationGroup, region }, credentials);
    },
  };
}
