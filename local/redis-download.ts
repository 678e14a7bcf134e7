import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { firstLine } from './failure.ts';
import type { RedisServer } from './redis-binary.ts';

const run = promisify(execFile);

/** The packages that hold a server, in order of preference. */
const PACKAGES = ['redis-server', 'valkey-server'];
const UPDATE_TIMEOUT_MS = 120_000;
const DOWNLOAD_TIMEOUT_MS = 120_000;
const PLAN_TIMEOUT_MS = 30_000;
const UNPACK_TIMEOUT_MS = 30_000;
const SOURCE_TIMEOUT_SECONDS = 20;
const OUTPUT_BYTES_MAX = 8 * 1024 * 1024;
/** A server needs 4 packages on a usual system and some 10 on a bare one. */
const DOWNLOADS_MAX = 60;
/** A download folder of this age was left behind by a process that was killed. */
const ABANDONED_AFTER_MS = 3_600_000;
const NO_SERVER = 'holds no server';
const WORK_PREFIX = 'download-';
/** A second C library beside the system's own loader crashes whatever uses it. */
const NEVER_TAKEN = /^libc(6|-bin)(:|$)/;

/** Says what is wrong with a server, as a clause that follows its name, or undefined. */
type Check = (server: RedisServer) => Promise<string | undefined>;

/**
 * Gives the server that is kept in `target`, after fetching it there if need be: from the distribution's own signed packages,
 * without root, touching nothing outside the folder of `target`. Safe when several processes do it at once.
 * @param folders where apt-get and dpkg-deb are looked for
 * @throws Error with a clause that says what failed
 */
export async function downloadedServer(target: string, folders: readonly string[], check: Check): Promise<RedisServer> {
  const kept = await serverIn(target, check);
  if (typeof kept !== 'string') return kept;

  const [aptGet, dpkgDeb] = await Promise.all([programIn(folders, 'apt-get'), programIn(folders, 'dpkg-deb')]);
  if (!aptGet || !dpkgDeb) throw new Error('there is no apt-get to fetch one with');

  const cacheDir = path.dirname(target);
  await mkdir(cacheDir, { recursive: true });
  await removeAbandoned(cacheDir);
  const work = await mkdtemp(path.join(cacheDir, WORK_PREFIX));
  try {
    // Out of the way now, not later: by then another process may have put a good one in its place.
    if (kept !== NO_SERVER) await rename(target, path.join(work, 'unusable')).catch(() => {});
    const root = await fetchServer(work, aptGet, dpkgDeb, check);
    // A folder is renamed in one step, and only to where none is: of several processes one wins, and all use what it put there.
    await rename(root, target).catch(() => {});
    const server = await serverIn(target, check);
    if (typeof server === 'string') throw new Error(`what was downloaded into ${target} ${server}`);
    return server;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Downloads and unpacks the first package whose server is of use; answers the folder. */
async function fetchServer(work: string, aptGet: string, dpkgDeb: string, check: Check): Promise<string> {
  await Promise.all(['lists/partial', 'cache/archives/partial'].map((folder) => mkdir(path.join(work, folder), { recursive: true })));
  const config = path.join(work, 'apt.conf');
  await writeFile(config, aptConfig(work));
  const apt = async (args: readonly string[], cwd: string, timeout: number) => {
    const env = { ...process.env, LC_ALL: 'C' };
    return (await run(aptGet, ['-c', config, ...args], { cwd, timeout, env, maxBuffer: OUTPUT_BYTES_MAX })).stdout;
  };

  const faults: string[] = [];
  // A source that can't be reached makes apt-get fail, though the others may do: what counts is whether the package is found.
  await apt(['update'], work, UPDATE_TIMEOUT_MS).catch((error: unknown) => faults.push(`apt-get update: ${reasonOf(error)}`));
  for (const name of PACKAGES) {
    const root = path.join(work, name);
    const archives = path.join(work, `${name}-archives`);
    try {
      await Promise.all([mkdir(root), mkdir(archives)]);
      // apt's own resolver knows which libraries this machine lacks.
      const plan = await apt(['--simulate', '--no-install-recommends', 'install', name], work, PLAN_TIMEOUT_MS);
      const lacking = [...plan.matchAll(/^Inst (\S+)/gm)].flatMap(([, lacked]) => lacked ?? []).filter((lacked) => !NEVER_TAKEN.test(lacked));
      if (lacking.length > DOWNLOADS_MAX) throw new Error(`it would take ${lacking.length} packages`);
      if (lacking.length > 0) await apt(['download', ...lacking], archives, DOWNLOAD_TIMEOUT_MS);
      for (const archive of await readdir(archives)) {
        await run(dpkgDeb, ['-x', path.join(archives, archive), root], { timeout: UNPACK_TIMEOUT_MS });
      }
      const server = await serverIn(root, check);
      if (typeof server !== 'string') return root;
      faults.push(`${name} of this distribution ${server}`);
    } catch (error) {
      faults.push(`apt-get and ${name}: ${reasonOf(error)}`);
    }
  }
  throw new Error(faults.join('; '));
}

/** Lists and cache of one's own, and none of the system's hooks, which would write elsewhere. */
function aptConfig(work: string): string {
  return `
Dir::State::Lists "${work}/lists/";
Dir::Cache "${work}/cache/";
Dir::Log "${work}/";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "${SOURCE_TIMEOUT_SECONDS}";
Acquire::https::Timeout "${SOURCE_TIMEOUT_SECONDS}";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`;
}

/** The server in a folder of unpacked packages, or what is wrong with it. */
async function serverIn(root: string, check: Check): Promise<RedisServer | string> {
  for (const name of PACKAGES) {
    const command = path.join(root, 'usr/bin', name);
    if (!(await isThere(command))) continue;
    const libraries = (await libraryFolders(root)).join(path.delimiter);
    const server: RedisServer = { command, env: libraries ? { LD_LIBRARY_PATH: libraries } : {} };
    return (await check(server)) ?? server;
  }
  return NO_SERVER;
}

async function libraryFolders(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return [...new Set(entries.filter((entry) => /\.so(\.|$)/.test(entry.name)).map((entry) => entry.parentPath))];
}

async function removeAbandoned(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (!name.startsWith(WORK_PREFIX)) continue;
    const folder = path.join(cacheDir, name);
    const changedAtMs = await stat(folder).then(
      (found) => found.mtimeMs,
      () => Infinity,
    );
    if (Date.now() - changedAtMs > ABANDONED_AFTER_MS) await rm(folder, { recursive: true, force: true });
  }
}

async function programIn(folders: readonly string[], name: string): Promise<string | undefined> {
  for (const folder of folders) {
    if (await isThere(path.join(folder, name), constants.X_OK)) return path.join(folder, name);
  }
  return undefined;
}

/** Tells whether there is a file, and one that may be executed if `mode` says so. */
export async function isThere(file: string, mode = constants.F_OK): Promise<boolean> {
  return await access(file, mode).then(
    () => true,
    () => false,
  );
}

/** What a program said when it failed, in one line; apt-get marks its own with "E:". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const said = 'stderr' in error ? String(error.stderr) : '';
  return /^E: (.+)$/m.exec(said)?.[1] ?? firstLine(error);
}
