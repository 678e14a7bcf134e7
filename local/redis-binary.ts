import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { arch, homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Failure, firstLine } from './failure.ts';
import { downloadedServer, isThere } from './redis-download.ts';

const run = promisify(execFile);

const VERSION_MAJOR_MIN = 7;
const VERSION_TIMEOUT_MS = 10_000;
const NAMES = ['redis-server', 'valkey-server'];
/** Homebrew's folders (Apple silicon, Intel, Linux) are not on the PATH of every shell. */
const HOMEBREW_FOLDERS = ['/opt/homebrew/bin', '/usr/local/bin', '/home/linuxbrew/.linuxbrew/bin'];
const PATH_BY_DEFAULT = '/usr/local/bin:/usr/bin:/bin';

export interface RedisServer {
  /** Absolute path of a redis-server or valkey-server. */
  readonly command: string;
  /** What its environment needs beside the usual. */
  readonly env: Record<string, string>;
}

export interface FindOptions {
  /** Where REDIS_SERVER_BIN, PATH and the cache folder are read; process.env by default. */
  env?: NodeJS.ProcessEnv;
  /** Where a downloaded server is kept; by default a folder of the user's, so that every clone shares it. */
  cacheDir?: string;
  /** Searched after PATH; Homebrew's by default. */
  extraFolders?: readonly string[];
}

/**
 * Finds a Redis or Valkey server, 7.0 or newer: the one that REDIS_SERVER_BIN names; else on the PATH or in Homebrew's
 * folders; else downloaded earlier; else it downloads one with apt-get, which needs no root and installs nothing.
 * @throws Failure that says what was tried and lists the commands that install one
 */
export async function findRedisServer(options: FindOptions = {}): Promise<RedisServer> {
  const env = options.env ?? process.env;
  const named = env['REDIS_SERVER_BIN'];
  if (named) return await namedServer(named);

  const faults: string[] = [];
  const onPath = (env['PATH'] ?? PATH_BY_DEFAULT).split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  for (const folder of new Set([...onPath, ...(options.extraFolders ?? HOMEBREW_FOLDERS)])) {
    for (const name of NAMES) {
      const server = { command: path.join(folder, name), env: {} };
      if (!(await isThere(server.command, constants.X_OK))) continue;
      const fault = await faultOf(server);
      if (!fault) return server;
      faults.push(`${server.command} ${fault}`);
    }
  }

  try {
    const cacheDir = options.cacheDir ?? (await ownCacheDir(env));
    return await downloadedServer(path.join(cacheDir, `redis-${await systemName()}-${arch()}`), onPath, faultOf);
  } catch (error) {
    faults.push(firstLine(error));
  }
  throw new Failure(
    `There is no Redis server ${VERSION_MAJOR_MIN}.0 or newer (${faults.join('; ')}). Install one, with \`brew install valkey\` (macOS), ` +
      '`sudo apt-get install redis-server` (from Debian 12 or Ubuntu 24.04 on) or `sudo dnf install valkey` (Fedora); or name one in ' +
      'REDIS_SERVER_BIN; or `docker run --detach --publish 127.0.0.1:6379:6379 valkey/valkey:8` and set REDIS_URL=redis://127.0.0.1:6379.',
  );
}

async function namedServer(named: string): Promise<RedisServer> {
  const server = { command: path.resolve(named), env: {} };
  const fault = (await isThere(server.command, constants.X_OK)) ? await faultOf(server) : 'is no program';
  if (!fault) return server;
  throw new Failure(
    `REDIS_SERVER_BIN is ${named}, which ${fault}. Let it name a redis-server or valkey-server ${VERSION_MAJOR_MIN}.0 or newer, or unset it.`,
  );
}

/** Says what is wrong with a server, as a clause that follows its name, or undefined if it runs and is new enough. */
async function faultOf(server: RedisServer): Promise<string | undefined> {
  const options = { env: { ...process.env, ...server.env }, timeout: VERSION_TIMEOUT_MS };
  const answer = await run(server.command, ['--version'], options).then(
    ({ stdout }) => stdout,
    () => undefined,
  );
  if (answer === undefined) return 'does not run';
  const [, version, major] = /\bv=((\d+)\.\d+\.\d+)/.exec(answer) ?? [];
  if (!version) return 'is no Redis server';
  return Number(major) < VERSION_MAJOR_MIN ? `is too old (${version})` : undefined;
}

/** This project's folder in the user's cache, or in the system's temporary folder where there is no home to write to. */
async function ownCacheDir(env: NodeJS.ProcessEnv): Promise<string> {
  const inHome = path.join(env['XDG_CACHE_HOME'] || path.join(env['HOME'] || homedir(), '.cache'), 'coupon-queue');
  try {
    await mkdir(inHome, { recursive: true });
    await rm(await mkdtemp(path.join(inHome, 'probe-')), { recursive: true });
    return inHome;
  } catch {
    const userId = process.getuid?.() ?? 0;
    const inTemp = path.join(tmpdir(), `coupon-queue-${userId}`);
    await mkdir(inTemp, { recursive: true, mode: 0o700 });
    // Anyone may make a folder of this name there, with a program of theirs in it.
    const { uid, mode } = await stat(inTemp);
    if (uid !== userId || (mode & 0o022) !== 0) throw new Error(`${inTemp} belongs to somebody else`);
    return inTemp;
  }
}

/** The distribution and its release, since a home may be shared by machines whose libraries differ. */
async function systemName(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const field = (name: string) => new RegExp(`^${name}="?([A-Za-z0-9._-]+)`, 'm').exec(text)?.[1] ?? '';
  return `${field('ID') || process.platform}${field('VERSION_ID')}`;
}
