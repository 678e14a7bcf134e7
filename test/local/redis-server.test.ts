import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, it, type TestContext } from 'vitest';
import { startRedis, startRedisCluster, type RunningRedis, type StartOptions } from '../../local/redis-server.ts';
import { isRunning } from './redis-process.ts';

const MODULE_URL = new URL('../../local/redis-server.ts', import.meta.url).href;
const GONE_TIMEOUT_MS = 10_000;

let root = '';
let foldersMade = 0;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'coupon-queue-test-server-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function newFolder(): string {
  foldersMade += 1;
  return path.join(root, `redis ${foldersMade}`);
}

type Finish = Pick<TestContext, 'onTestFinished'>;

async function start(test: Finish, options: StartOptions): Promise<RunningRedis> {
  const redis = await startRedis(options);
  test.onTestFinished(() => redis.stop());
  return redis;
}

function connect(test: Finish, url: string): Redis {
  const client = new Redis(url, { retryStrategy: () => null });
  test.onTestFinished(() => client.disconnect());
  return client;
}

/** A port on which somebody else listens. */
async function takenPort(test: Finish): Promise<number> {
  const server = createServer();
  test.onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** A process that starts Redis and waits, as a local run does; answers itself and what it started. */
async function parentOfRedis(dataDir: string) {
  const script = `
    const { startRedis } = await import(${JSON.stringify(MODULE_URL)});
    const { pid, url } = await startRedis({ dataDir: ${JSON.stringify(dataDir)}, appendOnly: true, extraArgs: ['--appendfsync', 'always'] });
    console.log(JSON.stringify({ pid, url }));
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface(parent.stdout)) {
    return { parent, redis: JSON.parse(line) as { pid: number; url: string } };
  }
  throw new Error('The parent ended before Redis was up.');
}

describe.concurrent('startRedis', () => {
  it('gives a cluster of one that any cluster client can use, and that never evicts', async ({ expect, ...test }) => {
    const redis = await start(test, { dataDir: newFolder() });
    const cluster = new Cluster([redis.url]);
    test.onTestFinished(() => cluster.disconnect());
    expect(await cluster.set('{1}', '5')).toBe('OK');
    const plain = connect(test, redis.url);
    await expect(plain.mget('{1}', '{2}')).rejects.toThrow('CROSSSLOT');
    expect(await plain.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    expect(await plain.config('GET', 'bind')).toEqual(['bind', '127.0.0.1']);
    expect(await plain.info('server')).toContain(`process_id:${redis.pid}\r\n`);
  });

  it('keeps data over a stop and a start at another port, if asked to', async ({ expect, ...test }) => {
    const dataDir = newFolder();
    const first = await start(test, { dataDir, appendOnly: true });
    await connect(test, first.url).set('coupon', 'kept');
    await first.stop();
    expect(isRunning(first.pid)).toBe(false);
    expect(await first.exited).toBe(`Redis at port ${first.port} was stopped.`);

    const second = await start(test, { dataDir, appendOnly: true });
    expect(await connect(test, second.url).get('coupon')).toBe('kept');
  });

  it('starts again at the same port after it was killed', async ({ expect, ...test }) => {
    const dataDir = newFolder();
    const first = await start(test, { dataDir });
    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).toContain(`Redis at port ${first.port} ended by SIGKILL.`);
    const second = await start(test, { dataDir, port: first.port });
    expect(await connect(test, second.url).ping()).toBe('PONG');
  });

  it('leaves no orphan when its parent is killed, and the next start gets the data', async ({ expect, ...test }) => {
    const dataDir = newFolder();
    const { parent, redis } = await parentOfRedis(dataDir);
    await connect(test, redis.url).set('coupon', 'kept');
    expect(isRunning(redis.pid)).toBe(true);
    parent.kill('SIGKILL');

    const next = await start(test, { dataDir, appendOnly: true });
    expect(await connect(test, next.url).get('coupon')).toBe('kept');
    await expect.poll(() => isRunning(redis.pid), { timeout: GONE_TIMEOUT_MS }).toBe(false);
  });

  it('says that the port is taken', async ({ expect, ...test }) => {
    const port = await takenPort(test);
    await expect(startRedis({ dataDir: newFolder(), port })).rejects.toThrow(
      `Redis can't listen on port ${port}, because another program does. Stop that one or choose another port.`,
    );
  });

  it('gives up after some attempts when the ports that it chooses are always taken', async ({ expect, ...test }) => {
    const busPort = await takenPort(test);
    const outcome = await startRedis({ dataDir: newFolder(), extraArgs: ['--cluster-port', String(busPort)] }).catch(String);
    expect(outcome).toContain('Redis found a port taken in each of 5 attempts');
    expect(outcome).toContain(`port ${busPort} `);
  });

  it('says that another server is in the folder', async ({ expect, ...test }) => {
    const dataDir = newFolder();
    await start(test, { dataDir });
    await expect(startRedis({ dataDir })).rejects.toThrow(`Another Redis server is running in ${dataDir}. Stop it and start again.`);
  });

  it('says that it has no folder for its data', async ({ expect }) => {
    const dataDir = path.join(fileURLToPath(import.meta.url), 'below-a-file');
    await expect(startRedis({ dataDir })).rejects.toThrow(`Redis can't keep its data in ${dataDir} (`);
  });

  it('says what the server said when it does not start', async ({ expect }) => {
    const dataDir = newFolder();
    const outcome = await startRedis({ dataDir, extraArgs: ['--no-such-setting', '1'] }).catch(String);
    expect(outcome).toContain(`did not start in ${dataDir}. It said: `);
    expect(outcome).toContain('no-such-setting');
    expect(outcome).not.toContain('\n');
  });
});

describe.concurrent('startRedisCluster', () => {
  it('spreads the slots over its nodes, and again after a restart at other ports', async ({ expect, ...test }) => {
    const dataDir = newFolder();
    const promotions = Array.from({ length: 30 }, (_, index) => `{${index}}`);
    for (const _ of ['new', 'restarted']) {
      const running = await startRedisCluster({ nodes: 3, dataDir });
      test.onTestFinished(() => running.stop());
      const client = new Cluster([running.nodes[0]?.url ?? '']);
      test.onTestFinished(() => client.disconnect());
      for (const key of promotions) expect(await client.set(key, '1')).toBe('OK');
      const sizes = await Promise.all(running.nodes.map(({ url }) => connect(test, url).dbsize()));
      expect(sizes).toHaveLength(3);
      expect(Math.min(...sizes)).toBeGreaterThan(0);
      expect(sizes.reduce((sum, size) => sum + size)).toBe(promotions.length);
      client.disconnect();
      await running.stop();
      expect(running.nodes.filter(({ pid }) => isRunning(pid))).toEqual([]);
    }
  });
});
