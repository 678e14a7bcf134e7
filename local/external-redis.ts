import { Redis } from 'ioredis';
import { Failure, firstLine } from './failure.ts';
import { fieldsOf } from './redis-connection.ts';

export interface ExternalRedis {
  mode: 'cluster' | 'single';
  /** Sentences about what is not as it should be. */
  warnings: string[];
}

const CONNECT_TIMEOUT_MS = 3_000;
const VERSION_MAJOR_MIN = 7;

/**
 * Asks a Redis that someone else runs whether the local run can use it.
 * @throws Failure if the URL is wrong, nobody answers, or the server is too old.
 */
export async function inspectRedis(url: string): Promise<ExternalRedis> {
  const shown = withoutPassword(url);
  const connection = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    enableReadyCheck: false,
    disableClientInfo: true,
  });
  let lastError: unknown;
  connection.on('error', (error) => (lastError = error));
  try {
    await connection.connect();
    const info = fieldsOf(await connection.info());
    if (Number.parseInt(info.redis_version ?? '0', 10) < VERSION_MAJOR_MIN) {
      throw new Failure(`The Redis at ${shown} is version ${info.redis_version}: give REDIS_URL one of 7.0 or newer.`);
    }
    const warnings = [];
    if (info.maxmemory_policy !== 'noeviction') {
      warnings.push(
        `The Redis at ${shown} evicts keys (maxmemory-policy ${info.maxmemory_policy}), and coupons with them: ` +
          'run `redis-cli CONFIG SET maxmemory-policy noeviction` there.',
      );
    }
    return { mode: info.cluster_enabled === '1' ? 'cluster' : 'single', warnings };
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`No Redis answers at ${shown} (${firstLine(lastError ?? error)}): check REDIS_URL, or unset it.`);
  } finally {
    connection.disconnect();
  }
}

/** A Redis URL as it may be shown. @throws Failure if it is none. */
export function withoutPassword(url: string): string {
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url)) {
    throw new Failure('REDIS_URL must be a redis:// or rediss:// URL: correct it, or unset it to have a Redis started.');
  }
  const parsed = new URL(url);
  if (parsed.password !== '') parsed.password = '***';
  return parsed.href;
}
