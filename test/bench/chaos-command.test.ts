import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, vi } from 'vitest';

const CHAOS = path.join(import.meta.dirname, '..', '..', 'bin', 'chaos.ts');
/** What a shell that watches over its parent may take to notice. */
const END_TIMEOUT_MS = 10_000;

const runChaos = (...args: string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [CHAOS, ...args], (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }));
  });

it.concurrent.each([
  { args: ['--users', '99'], sentence: "option '--users <n>' argument '99' is invalid. It must be a whole number from 100 to 100,000." },
  { args: ['--stock', '0'], sentence: "option '--stock <n>' argument '0' is invalid. It must be a whole number from 50 to 50,000." },
  { args: ['--users', '150', '--stock', '100'], sentence: "option '--users' must be at least 2 times '--stock'" },
  { args: ['--seed', 'x'], sentence: "option '--seed <n>' argument 'x' is invalid. It must be a whole number from 0 to 4,294,967,295." },
  { args: ['--rounds', '0'], sentence: "option '--rounds <n>' argument '0' is invalid. It must be a whole number from 1 to 100." },
  { args: ['5'], sentence: 'too many arguments' },
])('npm run chaos, wrongly asked: $args ends with a sentence and code 1', async ({ args, sentence }) => {
  const { code, stdout, stderr } = await runChaos(...args);
  expect(stderr).toContain(sentence);
  expect(stderr).not.toMatch(/^ +at /m);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
});

it.concurrent('broken off with Ctrl-C it ends with code 1 and leaves nothing running', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'chaos-command-'));
  let ranMeanwhile = false;
  const ended = await new Promise<{ code: number; stderr: string }>((resolve) => {
    const env = { ...process.env, TMPDIR: folder };
    const child = execFile(process.execPath, [CHAOS, '--users', '100', '--stock', '50'], { env }, (error, _stdout, stderr) => resolve({ code: Number(error?.code), stderr }));
    child.stderr?.on('data', (text: string) => {
      if (ranMeanwhile || !text.includes(' joined ')) return;
      ranMeanwhile = processes().includes(folder);
      child.kill('SIGINT');
    });
  });
  expect(ended).toEqual({ code: 1, stderr: expect.stringMatching(/The run was broken off\.\n$/) });
  expect(ranMeanwhile).toBe(true);
  await vi.waitUntil(() => !processes().includes(folder), { timeout: END_TIMEOUT_MS });
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});

const processes = () => execFileSync('ps', ['-eo', 'args='], { encoding: 'utf8' });
