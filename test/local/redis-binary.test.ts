import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findRedisServer, type FindOptions } from '../../local/redis-binary.ts';

/** What `--version` of a real server looks like. */
const says = (line: string) => `#!/bin/sh\necho '${line}'\n`;
const REDIS_6 = says('Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64 build=6d95e1af3a2c082a');
const REDIS_7 = says('Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=d81b8ff71cfb150e');
const VALKEY_8 = says('Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=7ed3d1ce8c9d5b1f');

let root = '';
let foldersMade = 0;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'coupon-queue-test-binary-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A new folder with these programs in it. */
async function folderWith(programs: Record<string, string>): Promise<string> {
  foldersMade += 1;
  const folder = path.join(root, `folder-${foldersMade}`);
  await mkdir(folder);
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(path.join(folder, name), script);
    await chmod(path.join(folder, name), 0o755);
  }
  return folder;
}

/** Looks only where the test says, so that a server of this machine is not found. */
async function find(env: NodeJS.ProcessEnv, options: FindOptions = {}) {
  return await findRedisServer({ env, extraFolders: [], cacheDir: await folderWith({}), ...options });
}

describe('a server named in REDIS_SERVER_BIN', () => {
  it('comes before all others', async () => {
    const [named, onPath] = [await folderWith({ mine: REDIS_7 }), await folderWith({ 'redis-server': REDIS_7 })];
    const found = await find({ REDIS_SERVER_BIN: path.join(named, 'mine'), PATH: onPath });
    expect(found).toEqual({ command: path.join(named, 'mine'), env: {} });
  });

  it.each([
    ['is not there', undefined, 'is no program'],
    ['is something else', says('hello'), 'is no Redis server'],
    ['fails', '#!/bin/sh\nexit 1\n', 'does not run'],
    ['is too old', REDIS_6, 'is too old (6.0.16)'],
  ])('is an error that names it when it %s, though another could be found', async (_, script, fault) => {
    const named = path.join(await folderWith(script ? { mine: script } : {}), 'mine');
    const onPath = await folderWith({ 'redis-server': REDIS_7 });
    await expect(find({ REDIS_SERVER_BIN: named, PATH: onPath })).rejects.toThrow(
      `REDIS_SERVER_BIN is ${named}, which ${fault}. Let it name a redis-server or valkey-server 7.0 or newer, or unset it.`,
    );
  });
});

describe('a server on the PATH', () => {
  it('is skipped when it is too old', async () => {
    const [old, young] = [await folderWith({ 'redis-server': REDIS_6 }), await folderWith({ 'valkey-server': VALKEY_8 })];
    const found = await find({ PATH: `${old}:${young}` });
    expect(found.command).toBe(path.join(young, 'valkey-server'));
  });

  it("comes before one in Homebrew's folders, which are searched too", async () => {
    const [onPath, homebrew] = [await folderWith({ 'redis-server': REDIS_7 }), await folderWith({ 'redis-server': REDIS_7 })];
    const extraFolders = [homebrew];
    expect((await find({ PATH: onPath }, { extraFolders })).command).toBe(path.join(onPath, 'redis-server'));
    expect((await find({ PATH: root }, { extraFolders })).command).toBe(path.join(homebrew, 'redis-server'));
  });
});

describe('without a server', () => {
  it('the error says what was found and lists the commands that install one', async () => {
    const old = await folderWith({ 'redis-server': REDIS_6 });
    const failure = await find({ PATH: old }).catch(String);
    expect(failure).not.toContain('\n');
    expect(failure).toContain(`${old}/redis-server is too old (6.0.16)`);
    for (const way of ['brew install', 'apt-get install', 'dnf install', 'docker run', 'REDIS_URL=', 'REDIS_SERVER_BIN']) {
      expect(failure).toContain(way);
    }
  });
});

/** An apt-get that offers one package, whose archive is the server itself, and notes its calls; and a dpkg-deb to unpack that. */
async function packageManager(server: string, update = 'exit 0'): Promise<{ folder: string; calls: () => Promise<string[]> }> {
  const log = path.join(await folderWith({}), 'calls');
  await writeFile(log, '');
  const folder = await folderWith({
    'apt-get': `#!/bin/sh
shift 2
echo "$1" >>'${log}'
case "$*" in
  update) ${update} ;;
  *install\\ redis-server) echo 'Inst libc6 (2.41)'; echo 'Inst redis-server (1.0)' ;;
  download\\ redis-server) cat >redis-server.deb <<'END'
${server}
END
  ;;
  *) echo 'E: Unable to locate package' >&2; exit 100 ;;
esac
`,
    'dpkg-deb': `#!/bin/sh
mkdir -p "$3/usr/bin" "$3/usr/lib/some-cpu"
cp "$2" "$3/usr/bin/redis-server"
chmod +x "$3/usr/bin/redis-server"
: >"$3/usr/lib/some-cpu/libneeded.so.1"
`,
  });
  return { folder, calls: async () => (await readFile(log, 'utf8')).trim().split('\n') };
}

describe('a server from the distribution', () => {
  it('is fetched once, without the C library, and then kept with the libraries it needs', async () => {
    const cacheDir = await folderWith({});
    const { folder, calls } = await packageManager(REDIS_7);
    const first = await find({ PATH: folder }, { cacheDir });
    expect(path.relative(cacheDir, first.command)).toMatch(/^redis-[^/]+\/usr\/bin\/redis-server$/);
    expect(first.env).toEqual({ LD_LIBRARY_PATH: path.resolve(first.command, '../../lib/some-cpu') });
    expect(await find({ PATH: folder }, { cacheDir })).toEqual(first);
    expect(await calls()).toEqual(['update', '--simulate', 'download']);
    expect(await readdir(cacheDir)).toHaveLength(1);
  });

  it('is fetched even if one of the sources can not be reached', async () => {
    const { folder } = await packageManager(REDIS_7, "echo 'E: Failed to fetch' >&2; exit 100");
    await expect(find({ PATH: folder })).resolves.toHaveProperty('command');
  });

  it('is fetched again when the kept one does not run any more', async () => {
    const cacheDir = await folderWith({});
    const { folder } = await packageManager(REDIS_7);
    const first = await find({ PATH: folder }, { cacheDir });
    await writeFile(first.command, '#!/no/such/interpreter\n');
    expect(await find({ PATH: folder }, { cacheDir })).toEqual(first);
    expect(await readFile(first.command, 'utf8')).toContain('v=7.0.15');
    expect(await readdir(cacheDir)).toHaveLength(1);
  });

  it('is one and the same for many who fetch it at once', async () => {
    const cacheDir = await folderWith({});
    const { folder } = await packageManager(REDIS_7);
    const found = await Promise.all(Array.from({ length: 5 }, () => find({ PATH: folder }, { cacheDir })));
    expect(new Set(found.map(({ command }) => command)).size).toBe(1);
    expect(await readdir(cacheDir)).toHaveLength(1);
  });

  it('is refused when it is too old, and leaves nothing behind', async () => {
    const cacheDir = await folderWith({});
    const { folder } = await packageManager(REDIS_6);
    await expect(find({ PATH: folder }, { cacheDir })).rejects.toThrow('redis-server of this distribution is too old (6.0.16)');
    expect(await readdir(cacheDir)).toEqual([]);
  });
});
