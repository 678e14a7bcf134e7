import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, vi, type TestContext } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..', '..');
const BEGIN_TIMEOUT_MS = 30_000;

/** A rush that is starting a system of its own, in a repository folder where no other runs. */
async function startingRush({ onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
  const folder = mkdtempSync(path.join(tmpdir(), 'rush-stop-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['bin', 'bench', 'lambda', 'lib', 'local', 'node_modules', 'package.json', 'cdk.json']) {
    symlinkSync(path.join(ROOT, name), path.join(folder, name));
  }
  const temporary = path.join(folder, 'tmp');
  mkdirSync(temporary);
  const child = spawn(process.execPath, ['--preserve-symlinks', '--preserve-symlinks-main', path.join(folder, 'bin', 'rush.ts'), '--users', '5'], {
    env: { ...process.env, TMPDIR: temporary, REDIS_URL: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  const ended = once(child, 'close') as Promise<[number | null]>;
  const ownData = () => readdirSync(temporary).filter((name) => name.startsWith('coupon-rush-'));
  // Its Redis has begun, and takes 2 s and more from there.
  await vi.waitUntil(() => ownData().some((name) => readdirSync(path.join(temporary, name)).includes('redis')), { timeout: BEGIN_TIMEOUT_MS, interval: 10 });
  return { child, ownData, ended: async () => ({ code: (await ended)[0], said, left: ownData() }) };
}

const BEGUN = 'No system runs here: starting one for this crowd …\n';

describe.concurrent('a rush that starts a system of its own', () => {
  it('takes a Ctrl-C that arrives from the terminal and from npm for one, and removes what it made', async ({ expect, ...test }) => {
    const { child, ended } = await startingRush(test);
    child.kill('SIGINT');
    setTimeout(() => child.kill('SIGINT'), 10);
    expect(await ended()).toEqual({ code: 1, said: `${BEGUN}The rush was broken off.\n`, left: [] });
  });

  it('removes it also when it is asked twice and does not wait', async ({ expect, ...test }) => {
    const { child, ended } = await startingRush(test);
    const asking = setInterval(() => child.kill('SIGINT'), 350);
    test.onTestFinished(() => clearInterval(asking));
    child.kill('SIGINT');
    expect(await ended()).toEqual({ code: 1, said: `${BEGUN}The rush ends without waiting for what it has started to end.\n`, left: [] });
  });
});
