import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectRedis } from '../lambda/queue/redis.ts';
import { ApiClient, expectFirstTicketsWon, settled, users } from './system-for-tests.ts';

const root = path.join(import.meta.dirname, '..');
const START_TIMEOUT_MS = 40_000;
const STOP_TIMEOUT_MS = 20_000;
/** A sale of 60 takes six seconds: it is under way when it is stopped, and still when it is started again. */
const pace = ['--port', '0', '-c', 'batchSize=10', '-c', 'drainIntervalMs=1000', '-c', 'leaseMs=2000'];

let dataDir: string;
const started: ChildProcess[] = [];
beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'coupon-queue-start-'));
});
afterAll(async () => {
  for (const child of started.splice(0)) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await rm(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
});

/** What `npm start` runs, with what it has said so far. */
function start(folder: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ['bin/local.ts', '--data-dir', folder, ...args], {
    cwd: root,
    env: { ...process.env, PORT: '', REDIS_URL: '', ...env },
  });
  started.push(child);
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => (said.out += String(chunk)));
  child.stderr.on('data', (chunk) => (said.err += String(chunk)));
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const ready = async () => {
    await vi.waitUntil(() => said.out.includes('is ready at') || child.exitCode !== null, { timeout: START_TIMEOUT_MS });
    expect(said.err).toBe('');
    const endpoints = JSON.parse(readFileSync(path.join(folder, 'endpoints.json'), 'utf8')) as { apiUrl: string; redisUrl: string };
    return { api: new ApiClient(endpoints.apiUrl), redis: connectRedis({ url: endpoints.redisUrl, mode: 'cluster' }) };
  };
  return { child, said, ended, ready };
}

/** All processes below this one. */
function descendants(pid: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n').map((row) => row.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] => rows.filter(([, ppid]) => ppid === parent).flatMap(([child = 0]) => [child, ...below(child)]);
  return below(pid);
}

const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    // A zombie that nobody has collected yet is gone, too.
    return !/^State:\s+Z/m.test(existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : '');
  } catch {
    return false;
  }
};

describe.concurrent('npm start', () => {
  test('stopped and started again mid-sale, it continues where it stopped; nobody else gets in meanwhile', async ({ expect }) => {
    const folder = path.join(dataDir, 'again');
    const first = start(folder, pace);
    const before = await first.ready();
    await before.api.initStock('sale', 60);
    await before.api.control('sale', 'pause');
    await Promise.all(users(100).map((user) => before.api.join('sale', user)));
    const second = start(folder, pace);
    expect((await second.ended)[0]).toBe(1);
    expect(second.said.err.trim().split('\n')).toHaveLength(1);
    expect(second.said.err).toContain('stop it first');

    await before.api.control('sale', 'resume');
    await vi.waitUntil(async () => Number((await before.api.info('sale')).body.data?.completedCount) > 0, { timeout: STOP_TIMEOUT_MS });

    before.redis.disconnect();
    const processes = descendants(first.child.pid!);
    first.child.kill('SIGINT');
    expect(await first.ended).toEqual([0, null]);
    expect(processes.filter(alive)).toEqual([]);
    expect(existsSync(path.join(folder, 'endpoints.json'))).toBe(false);

    const again = start(folder, pace);
    const after = await again.ready();
    expect(Number((await after.api.info('sale')).body.data?.completedCount)).toBeLessThan(60);
    expectFirstTicketsWon(await settled(after.redis, 'sale'), 60);
    after.redis.disconnect();
    again.child.kill('SIGTERM');
    expect(await again.ended).toEqual([0, null]);
  });

  test('killed mid-sale, it leaves no process behind, and continues when started again', async ({ expect }) => {
    const folder = path.join(dataDir, 'killed');
    const first = start(folder, pace);
    const before = await first.ready();
    await before.api.initStock('sale', 60);
    await before.api.control('sale', 'pause');
    await Promise.all(users(100).map((user) => before.api.join('sale', user)));
    await before.api.control('sale', 'resume');
    await vi.waitUntil(async () => Number((await before.api.info('sale')).body.data?.completedCount) > 0, { timeout: STOP_TIMEOUT_MS });
    before.redis.disconnect();
    const processes = descendants(first.child.pid!);
    expect(processes.length).toBeGreaterThan(3);
    first.child.kill('SIGKILL');
    await first.ended;
    await vi.waitUntil(() => !processes.some(alive), { timeout: STOP_TIMEOUT_MS });

    const again = start(folder, pace);
    const after = await again.ready();
    const end = await settled(after.redis, 'sale');
    // Every join that was answered 200 is there.
    expect(end.tickets.size).toBe(100);
    expectFirstTicketsWon(end, 60);
    after.redis.disconnect();
    again.child.kill('SIGINT');
    expect(await again.ended).toEqual([0, null]);
  });

  test.each([
    ['a port that is no port', ['--port', 'x'], {}, /port/i],
    ['a bad PORT', [], { PORT: '99999' }, /PORT is "99999".*whole number from 0 to 65535/],
    ['no folder', ['--data-dir', ''], {}, /must name a folder/],
    ['a folder where there can be none', ['--port', '0', '--data-dir', '/proc/coupon-queue'], {}, /can't be written/],
    ['a context key that there is not', ['--port', '0', '-c', 'batchsize=1000'], {}, /must be one of stage, batchSize, .*issuer, audience/],
    ['context that is none', ['--port', '0', '-c', 'batchSize'], {}, /key=value/],
    ['context that the app refuses', ['--port', '0', '-c', 'batchSize=1001'], {}, /batchSize is "1001", but must be a whole number from 1 to 1000/],
    ['a stage that there is not', ['--port', '0', '-c', 'stage=test'], {}, /no stage "test"/],
    ['a Redis that is not there', ['--port', '0'], { REDIS_URL: 'redis://127.0.0.1:1' }, /Redis/],
    ['a REDIS_URL that is none', ['--port', '0'], { REDIS_URL: 'localhost' }, /REDIS_URL/],
  ] as [string, string[], NodeJS.ProcessEnv, RegExp][])('%s: one sentence, exit 1, nothing left running', async (name, args, env, sentence) => {
    const folder = path.join(dataDir, name.replaceAll(' ', '-'));
    const run = start(folder, args, env);
    expect((await run.ended)[0]).toBe(1);
    expect(run.said.err).toMatch(sentence);
    expect(run.said.err).not.toMatch(/^\s+at /m);
    expect(run.said.out).toBe('');
  });

  test('a port that is taken: one sentence, exit 1', async ({ expect }) => {
    const holder = createServer();
    await new Promise<void>((resolve) => void holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as { port: number };
    const run = start(path.join(dataDir, 'port'), ['--port', String(port)]);
    expect((await run.ended)[0]).toBe(1);
    expect(run.said.err.trim().split('\n')).toHaveLength(1);
    expect(run.said.err).toContain(String(port));
    holder.close();
  });
});
