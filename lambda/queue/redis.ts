import { Cluster, type ClusterNode, type ClusterOptions, Redis } from 'ioredis';
import { shareWrites } from './shared-write.ts';

/** Either kind of ioredis client; every operation works on both. */
export type RedisClient = Redis | Cluster;

export interface RedisAddress {
  /** redis:// or, with TLS, rediss:// URL of the server, or of the configuration endpoint of a cluster. */
  url: string;
  mode: 'cluster' | 'single';
  /** Who to be; without one, whoever the URL names. */
  login?: RedisLogin | undefined;
}

export interface RedisLogin {
  username: string;
  /** Asked for each connection, as it begins; a connection that the server ends is followed by one with a new password. */
  password: () => string;
}

/** Redis is away, loading, failing over or out of memory: nothing is wrong with the request, and it may be sent again. */
export class RedisUnavailable extends Error {
  override name = 'RedisUnavailable';
}

/** One attempt to connect, and one answer to a command, may take this long. */
const CONNECT_TIMEOUT_MS = 1500;
const COMMAND_TIMEOUT_MS = 1500;
const SLOTS_REFRESH_TIMEOUT_MS = 2000;
/** Attempts to reach a lost server before a call fails; the next call starts anew. */
const RECONNECTS_MAX = 2;
const RECONNECT_DELAY_MS = 50;
/** MOVED, ASK, TRYAGAIN and node losses that one call follows. */
const REDIRECTIONS_MAX = 5;

const reconnect = (attempt: number) => (attempt > RECONNECTS_MAX ? null : RECONNECT_DELAY_MS);

/** Connections lost since the last answer. ioredis counts anew with each connection, so a server that accepts and hangs up would be called for ever. */
const lostInARow = new WeakMap<RedisClient, number>();
function reconnectUnanswered(client: RedisClient): number | null {
  const lost = (lostInARow.get(client) ?? 0) + 1;
  lostInARow.set(client, lost);
  return reconnect(lost);
}

/**
 * Makes a client that connects at its first command and whose every wait is bounded, since a Lambda function would hang with
 * ioredis's defaults until its own timeout. Ready check and client info are off and RESP2 is spoken: two round trips
 * from the TCP handshake to the first answer; in a cluster four, since two go to learn which node has the slot. A login
 * takes one more of each connection, since ioredis sends nothing before it is let in.
 */
export function connectRedis({ url, mode, login }: RedisAddress): RedisClient {
  const { hostname, port, username, password, protocol, pathname } = new URL(url);
  const address = { host: decodeURIComponent(hostname.replaceAll(/^\[|\]$/g, '')), port: Number(port || 6379) };
  const options = {
    ...(login ? { username: login.username } : username && { username: decodeURIComponent(username) }),
    ...(!login && password && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { tls: {} }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 1,
    enableReadyCheck: false,
    disableClientInfo: true,
    protocol: 2 as const,
  };
  const client: RedisClient =
    mode === 'cluster'
      ? clusterOf([address], login, {
          lazyConnect: true,
          enableReadyCheck: false,
          scaleReads: 'master',
          // With TLS the certificate names the host, so the name must not be resolved to an address first.
          dnsLookup: (host, callback) => callback(null, host),
          slotsRefreshTimeout: SLOTS_REFRESH_TIMEOUT_MS,
          clusterRetryStrategy: reconnect,
          maxRedirections: REDIRECTIONS_MAX,
          redisOptions: options,
        })
      : new Redis({ ...options, ...address, db: Number(pathname.slice(1) || 0), lazyConnect: true, retryStrategy: () => reconnectUnanswered(client) });
  if (client instanceof Redis) {
    askPassword(client, login);
    shareWrites(client);
  } else client.on('+node', shareWrites);
  // A connection that fails fails the calls that use it; there each is reported once.
  client.on('error', () => undefined);
  return client;
}

/**
 * A client of a cluster. ioredis gives the connection on which it asks for the slots a name, and waits for the answer to that before it
 * asks; without the name, the first answer comes after four round trips instead of five.
 */
function clusterOf(nodes: ClusterNode[], login: RedisLogin | undefined, options: ClusterOptions): Cluster {
  const cluster = new Cluster(nodes, options);
  cluster.on('+node', (node: Redis) => {
    askPassword(node, login);
    const duplicate = node.duplicate.bind(node);
    node.duplicate = (changed) => duplicate({ ...changed, connectionName: undefined });
  });
  return cluster;
}

/**
 * Makes a connection ask for its password each time that it begins. ioredis has no place for that, but reads its own options then. A cluster
 * copies the options that it was given into each of its nodes, so this is done to the nodes.
 */
function askPassword(connection: Redis, login: RedisLogin | undefined): void {
  if (login) Object.defineProperty(connection.options, 'password', { get: login.password, enumerable: true, configurable: true });
}

const connecting = new WeakMap<RedisClient, Promise<void>>();

/** Brings a client that has given up (or has not begun) back to life; callers at the same time share one attempt. */
async function open(client: RedisClient): Promise<void> {
  if (client.status !== 'wait' && client.status !== 'end' && client.status !== 'close') return;
  let attempt = connecting.get(client);
  if (!attempt) {
    lostInARow.delete(client);
    attempt = client.connect().finally(() => connecting.delete(client));
    connecting.set(client, attempt);
  }
  await attempt;
}

/**
 * Error replies of a server that is alive but can't serve now; every other error reply is a fault of ours or of the data.
 * The last comes while a slot moves: a promotion that has all its own keys is stopped only by a status key that is gone already.
 */
const PASSING_REPLY =
  /^(?:(?:OOM|LOADING|CLUSTERDOWN|MASTERDOWN|NOREPLICAS|READONLY|TRYAGAIN|MOVED|ASK|BUSY|MISCONF|NOAUTH|WRONGPASS)\b|ERR Script attempted to access a non local key)/;

/** What ioredis hangs on its errors. */
interface IoredisError extends Error {
  command?: unknown;
  /** Why the commands of a MULTI were refused, each, when EXEC answers EXECABORT. */
  previousErrors?: Error[];
  lastNodeError?: unknown;
}

function isPassing({ message, previousErrors = [] }: IoredisError): boolean {
  return PASSING_REPLY.test(message) || (message.startsWith('EXECABORT') && previousErrors.some(isPassing));
}

function translate(error: unknown): unknown {
  if (!(error instanceof Error)) return new RedisUnavailable(String(error), { cause: error });
  if (error instanceof TypeError || error instanceof RangeError) return error;
  const fault: IoredisError = error;
  const passing = fault.name !== 'ReplyError' || isPassing(fault);
  // Arguments of commands hold user ids, and the error is going to be logged.
  delete fault.command;
  delete fault.previousErrors;
  delete fault.lastNodeError;
  return passing ? new RedisUnavailable(fault.message, { cause: fault }) : fault;
}

/**
 * Runs one operation on Redis.
 * @throws RedisUnavailable if the server can't be reached or can't serve; the server's own error reply otherwise.
 */
export async function onRedis<T>(client: RedisClient, operation: () => Promise<T>): Promise<T> {
  try {
    await open(client);
    const answer = await operation();
    lostInARow.delete(client);
    return answer;
  } catch (error) {
    throw translate(error);
  }
}
