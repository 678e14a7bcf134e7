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
 * @throws Failure if the URL is wrong, nobody answers, or the server is too old or not able to serve.
 */
export async function inspectRedis(url: string): Promise<ExternalRedis> {
  const shown = withoutPassword(url);
  const database = databaseOf(url);
  // The database is selected by hand: when it can't be, ioredis stays in database 0 and says nothing.
  const server = new URL(url);
  server.pathname = '';
  const connection = new Redis(server.href, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    enableReadyCheck: false,
    disableClientInfo: true,
    // Servers that are too old know no other, and are to say how old they are.
    protocol: 2,
  });
  let lastError: unknown;
  connection.on('error', (error) => (lastError = error));
  try {
    await connection.connect();
    const info = fieldsOf(await connection.info());
    if (Number.parseInt(info.redis_version ?? '0', 10) < VERSION_MAJOR_MIN) {
      throw new Failure(`The Redis at ${shown} is version ${info.redis_version}: give REDIS_URL one of 7.0 or newer.`);
    }
    const mode = info.cluster_enabled === '1' ? 'cluster' : 'single';
    if (mode === 'cluster') await checkCluster(connection, shown, database);
    else await selectDatabase(connection, shown, database);
    const warnings = [];
    if (info.maxmemory_policy !== 'noeviction') {
      warnings.push(
        `The Redis at ${shown} evicts keys (maxmemory-policy ${info.maxmemory_policy}), and coupons with them: ` +
          'run `redis-cli CONFIG SET maxmemory-policy noeviction` there.',
      );
    }
    return { mode, warnings };
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(whyNot(shown, firstLine(lastError ?? error)));
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
  try {
    for (const part of [parsed.username, parsed.password, parsed.hostname]) decodeURIComponent(part);
  } catch {
    throw new Failure('REDIS_URL has a % in its user name, password or host that begins no percent-encoding: write %25 for a % that is meant as such.');
  }
  if (parsed.password !== '') parsed.password = '***';
  return parsed.href;
}

/** The number of the database in a Redis URL. @throws Failure if it is none. */
function databaseOf(url: string): number {
  const [, digits] = /^\/?(\d{0,9})$/.exec(new URL(url).pathname) ?? [];
  if (digits === undefined) throw new Failure('REDIS_URL may end in the number of a database, such as /1, and in nothing else: correct its path, or leave it out.');
  return Number(digits);
}

async function selectDatabase(connection: Redis, shown: string, database: number): Promise<void> {
  if (database === 0) return;
  try {
    await connection.select(database);
  } catch (error) {
    throw new Failure(`The Redis at ${shown} has no database ${database} for this run (${firstLine(error)}): name another in REDIS_URL, or leave it out.`);
  }
}

async function checkCluster(connection: Redis, shown: string, database: number): Promise<void> {
  if (database !== 0) {
    throw new Failure(`The Redis at ${shown} is a cluster, which has database 0 alone: leave /${database} out of REDIS_URL.`);
  }
  const { cluster_state: state, cluster_slots_assigned: slots } = fieldsOf(await connection.cluster('INFO'));
  if (state !== 'ok') {
    throw new Failure(
      `The Redis cluster at ${shown} can't serve (cluster_state:${state}, ${slots} of 16384 slots assigned): ` +
        'bring it up (`redis-cli --cluster check` says what is missing), or unset REDIS_URL.',
    );
  }
}

/** The sentence for what ioredis or the server said. */
function whyNot(shown: string, reason: string): string {
  if (/^(NOAUTH|WRONGPASS|ERR invalid password|ERR AUTH|ERR Client sent AUTH)\b/.test(reason)) {
    return `The Redis at ${shown} does not let this run in, because the password in REDIS_URL is missing or wrong (${reason}).`;
  }
  if (/^(Protocol error|Unknown RESP type)/.test(reason)) return `What answers at ${shown} is no Redis: check REDIS_URL, or unset it.`;
  if (/^[A-Z]{3,} /.test(reason)) return `The Redis at ${shown} refused to be asked (${reason}): check REDIS_URL, or unset it.`;
  return `No Redis answers at ${shown} (${reason}): check REDIS_URL, or unset it.`;
}
