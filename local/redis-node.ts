import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { Failure, firstLine } from './failure.ts';
import { freePort } from './free-port.ts';
import { spawnGuarded } from './guardian.ts';
import { findRedisServer, type RedisServer } from './redis-binary.ts';
import { fieldsOf, POLL_INTERVAL_MS, withConnection } from './redis-connection.ts';

const HOST = '127.0.0.1';
/** How long a server may take to answer at all. */
const ANSWER_TIMEOUT_MS = 20_000;
/** How long it may take to read its data, as long as it says that it does. */
const LOAD_TIMEOUT_MS = 600_000;
/** Between choosing a free port and listening on it another process may take it. */
const PORT_ATTEMPTS_MAX = 5;
/** How long a former server may take to leave the data folder, say after its parent was killed. */
const FOLDER_WAIT_MS = 3_000;
const LAST_WORDS_LINES = 3;

export interface StartOptions {
  /** Where the server keeps its data and its cluster identity; made if need be. */
  dataDir: string;
  /** The port to listen on; 0, the default, takes a free one. */
  port?: number;
  /** Whether writes survive a restart (an append-only file, synced once per second). Off by default. */
  appendOnly?: boolean;
  /** More of redis-server's own arguments, such as ['--appendfsync', 'always']; they win over the ones set here. */
  extraArgs?: readonly string[];
}

export interface RunningRedis {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** The process id of the server itself. */
  readonly pid: number;
  /** A sentence that says how the server ended, once it has, asked for or not. Never rejects. */
  readonly exited: Promise<string>;
  /** Ends the server, its data written. Resolves when it is gone. */
  stop(): Promise<void>;
}

export interface RedisNode extends RunningRedis {
  /** Where the nodes of a cluster talk to each other. */
  readonly busPort: number;
}

/**
 * Starts one server in cluster mode and waits until it has loaded its data; slots are the caller's business.
 * @throws Failure that says why there is none
 */
export async function startNode(options: StartOptions): Promise<RedisNode> {
  const binary = await findRedisServer();
  await mkdir(options.dataDir, { recursive: true }).catch((error: unknown) => {
    throw new Failure(`Redis can't keep its data in ${options.dataDir} (${firstLine(error)}). Make that folder writable or choose another.`);
  });
  await folderIsFree(options.dataDir);
  let portAttempts = 0;
  for (;;) {
    const port = options.port || (await freePort());
    const outcome = await attempt(binary, options, port);
    if ('node' in outcome) return outcome.node;
    if (/already used by a different/.test(outcome.said)) {
      throw new Failure(inUse(options.dataDir));
    } else if (/Failed listening on port/.test(outcome.said)) {
      if (options.port && outcome.said.includes(`port ${port} `)) {
        throw new Failure(`Redis can't listen on port ${port}, because another program does. Stop that one or choose another port.`);
      }
      portAttempts += 1;
      if (portAttempts >= PORT_ATTEMPTS_MAX) {
        throw new Failure(`Redis found a port taken in each of ${PORT_ATTEMPTS_MAX} attempts (${outcome.said}). Start again.`);
      }
    } else {
      throw new Failure(`${binary.command} did not start in ${options.dataDir}. It said: ${outcome.said}`);
    }
  }
}

/** Waits until the server whose folder this is has gone. Two of them would spoil each other's data, and Redis does not always notice. */
async function folderIsFree(dataDir: string): Promise<void> {
  const nodes = await readFile(path.join(dataDir, 'nodes.conf'), 'utf8').catch(() => '');
  const [, id, port] = /^(\w+) \S*:(\d+)@\S* myself/m.exec(nodes) ?? [];
  if (!id) return;
  const idAtPort = () =>
    withConnection({ host: HOST, port: Number(port) }, (connection) => connection.cluster('MYID')).catch(() => undefined);
  const deadlineMs = Date.now() + FOLDER_WAIT_MS;
  while ((await idAtPort()) === id) {
    if (Date.now() > deadlineMs) throw new Failure(inUse(dataDir));
    await pause(POLL_INTERVAL_MS);
  }
}

const inUse = (dataDir: string) => `Another Redis server is running in ${dataDir}. Stop it and start again.`;

/** One try: a server that has loaded its data, or what it said when it ended instead. */
async function attempt(binary: RedisServer, options: StartOptions, port: number): Promise<{ node: RedisNode } | { said: string }> {
  // By default the bus listens 10,000 above the port, which may be taken or beyond the last one.
  const busPort = await freePort();
  const settings = {
    bind: HOST,
    port,
    'protected-mode': 'yes',
    dir: options.dataDir,
    'cluster-enabled': 'yes',
    'cluster-announce-ip': HOST,
    'cluster-port': busPort,
    appendonly: options.appendOnly ? 'yes' : 'no',
    save: '',
    'maxmemory-policy': 'noeviction',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  // A locale that this machine lacks would keep the server from starting.
  const env = { ...process.env, ...binary.env, LC_ALL: 'C' };
  const guarded = await spawnGuarded(binary.command, [...args, ...(options.extraArgs ?? [])], { env });

  let stopping = false;
  let over = false;
  const ended = guarded.exited.then((how) => {
    over = true;
    return { how, said: lastWords(guarded.recentOutput()) };
  });
  const node: RedisNode = {
    url: `redis://${HOST}:${port}`,
    host: HOST,
    port,
    busPort,
    pid: guarded.pid,
    exited: ended.then(({ how, said }) =>
      // Who is killed says nothing, so what was said last explains nothing.
      stopping ? `Redis at port ${port} was stopped.` : `Redis at port ${port} ended ${how}${how.startsWith('by ') ? '' : ` (it said: ${said})`}.`,
    ),
    async stop() {
      stopping = true;
      await guarded.stop();
    },
  };
  try {
    const ready = withConnection(node, (connection) => loaded(connection, node.pid, () => over));
    return await Promise.race([ended, ready.then(() => ({ node }))]);
  } catch (error) {
    await node.stop();
    throw error;
  }
}

/** Waits until the server with this process id answers and has its data in memory, or is over. */
async function loaded(connection: Redis, pid: number, over: () => boolean): Promise<void> {
  const startedAtMs = Date.now();
  while (!over()) {
    const info = await connection.info().then(fieldsOf, () => undefined);
    const waitedMs = Date.now() - startedAtMs;
    // Another server may answer at a port that was free a moment ago; ours is then about to say so and end.
    if (info?.['process_id'] === String(pid)) {
      if (info['loading'] === '0') {
        // The next start asks at the port in this file whether somebody is still here; by itself the server writes it late.
        await connection.cluster('SAVECONFIG');
        return;
      }
      if (waitedMs > LOAD_TIMEOUT_MS) {
        throw new Failure(`Redis was still loading its data after ${LOAD_TIMEOUT_MS / 60_000} minutes. Move its data folder away and start again.`);
      }
    } else if (waitedMs > ANSWER_TIMEOUT_MS) {
      throw new Failure(`Redis was started but did not answer within ${ANSWER_TIMEOUT_MS / 1000} s. Start again when the machine is less busy.`);
    }
    await pause(POLL_INTERVAL_MS);
  }
}

/** The last lines of a server's log, without process id, time and level. */
function lastWords(output: string): string {
  const lines = output.split('\n').map((line) => line.replace(/^\d+:\w \d+ \w+ \d+ [\d:.]+ [.\-*#] /, '').trim());
  return lines.filter((line) => line !== '').slice(-LAST_WORDS_LINES).join(' / ') || 'nothing';
}
