import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openFunctionLog } from '../../local/function-log.ts';
import { createFunctionPool, type FunctionPool } from '../../local/function-pool.ts';
import type { FunctionSpec, InvokeResult } from '../../local/function-process.ts';
import { startReaper } from '../../local/reaper.ts';
import { startRuntimeApi } from '../../local/runtime-api.ts';
import { functionSpec, temporaryDir } from './tiny-assembly.ts';

const WAIT_MS = 10_000;
const STOP_GRACE_MS = 5_000;

interface Tested {
  pool: FunctionPool;
  terminal: string[];
  logFile: string;
  call: (event: unknown, waitMsMax?: number) => Promise<InvokeResult>;
}

async function start(spec: FunctionSpec, processesMax = 1): Promise<Tested> {
  const [runtimeApi, reaper, dir, terminal] = [await startRuntimeApi(), startReaper(), temporaryDir(), [] as string[]];
  const log = openFunctionLog(dir, spec.name, (line) => terminal.push(line));
  const pool = createFunctionPool(spec, processesMax, { runtimeApi, reaper, log });
  onTestFinished(async () => {
    await pool.stop(0);
    log.close();
    await runtimeApi.stop();
    reaper.stop();
  });
  const call = (event: unknown, waitMsMax = WAIT_MS): Promise<InvokeResult> => pool.invoke(JSON.stringify(event), waitMsMax);
  return { pool, terminal, logFile: join(dir, `${spec.name}.log`), call };
}

const answered = (value: unknown): InvokeResult => ({ outcome: 'answered', payload: JSON.stringify(value) });
const failed = (errorType: string, message: RegExp): unknown => ({
  outcome: 'failed',
  error: { errorType, errorMessage: expect.stringMatching(message) as string },
});
const valueOf = (result: InvokeResult): Record<string, unknown> =>
  JSON.parse(result.outcome === 'answered' ? result.payload : '{}') as Record<string, unknown>;

it('hands the event over and the answer back', async () => {
  const { call } = await start(functionSpec('export const handler = async (event) => ({ got: event });'));
  expect(await call({ text: '쿠폰 "\n' })).toEqual(answered({ got: { text: '쿠폰 "\n' } }));
});

it('answers null for a function that answers nothing', async () => {
  const { call } = await start(functionSpec('export const handler = async () => {};'));
  expect(await call({})).toEqual(answered(null));
});

it("gives a function its own environment and Lambda's, and nothing of the runner's", async () => {
  vi.stubEnv('RUNNER_SECRET', 'secret');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { call } = await start(
    functionSpec('export const handler = async (event, context) => ({ ...process.env, context: Object.keys(context), cwd: process.cwd() });', {
      environment: { OWN: '1' },
    }),
  );
  const environment = valueOf(await call({}));
  expect(environment).toMatchObject({ OWN: '1', AWS_LAMBDA_FUNCTION_NAME: 'tested', AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128' });
  expect(environment).not.toHaveProperty('RUNNER_SECRET');
  expect(environment).not.toHaveProperty('HOME');
  expect(environment.cwd).toBe(environment.LAMBDA_TASK_ROOT);
  expect(environment.context).toContain('awsRequestId');
});

it('reports what a function throws and keeps its process', async () => {
  const { call } = await start(
    functionSpec('let calls = 0; export const handler = async (event) => { calls += 1; if (event.fail) throw new RangeError("no"); return calls; };'),
  );
  expect(await call({ fail: true })).toEqual(failed('RangeError', /^no$/));
  expect(await call({})).toEqual(answered(2));
});

it('kills a process that takes too long, also in an endless loop, and starts another', async () => {
  const { call, terminal } = await start(
    functionSpec('export const handler = async (event) => { while (event.loop); return process.pid; };', { timeoutMs: 400 }),
  );
  const first = await call({});
  expect(await call({ loop: true })).toEqual({
    outcome: 'timed-out',
    error: { errorType: 'Sandbox.Timedout', errorMessage: 'Task timed out after 0.40 seconds' },
  });
  expect(terminal).toContain('tested: Task timed out after 0.40 seconds');
  const second = await call({});
  expect(second.outcome).toBe('answered');
  expect(second).not.toEqual(first);
});

it('fails the call during which a process dies, and no other', async () => {
  const { call } = await start(functionSpec('export const handler = async (event) => (event.die ? process.exit(7) : "well");'));
  const results = await Promise.all([call({}), call({ die: true }), call({})]);
  expect(results).toEqual([answered('well'), failed('Runtime.ExitError', /exit status 7/), answered('well')]);
});

it('enforces the memory', async () => {
  const code = 'export const handler = async () => { const hoard = []; for (;;) hoard.push(new Array(100_000).fill({})); };';
  const { call } = await start(functionSpec(code, { memoryMb: 48, timeoutMs: 20_000 }));
  expect(await call({})).toEqual(failed('Runtime.ExitError', /SIG(ABRT|TRAP)|exit status/));
});

it.each([
  ['throws as it loads', 'throw new Error("REDIS_URL is missing");', /REDIS_URL is missing/],
  ['has no handler', 'export const other = 1;', /index\.handler is undefined or not exported/],
  ['takes a callback', 'export const handler = (event, context, callback) => callback();', /takes a callback/],
  ['ends as it loads', 'process.exit(3);', /exit status 3/],
])('fails all waiting calls of a function that %s, and says so', async (_what, code, message) => {
  const { call, terminal } = await start(functionSpec(code), 2);
  for (const result of await Promise.all([call({}), call({}), call({})])) {
    expect(result).toMatchObject({ outcome: 'failed', error: { errorMessage: expect.stringMatching(message) as string } });
  }
  expect(terminal[0]).toMatch(/^tested: The function can't start: /);
  expect(terminal[0]).toMatch(message);
});

it('gives each process one call at a time and starts no more than the bound', async () => {
  const code = `
    let running = 0;
    export const handler = async () => {
      running += 1;
      const atOnce = running;
      await new Promise((resolve) => setTimeout(resolve, 30));
      running -= 1;
      return { pid: process.pid, atOnce };
    };`;
  const { call } = await start(functionSpec(code), 2);
  const results = (await Promise.all(Array.from({ length: 12 }, () => call({})))).map(valueOf);
  expect(new Set(results.map(({ atOnce }) => atOnce))).toEqual(new Set([1]));
  expect(new Set(results.map(({ pid }) => pid)).size).toBe(2);
});

it('starts no second process while the first is enough', async () => {
  const { call } = await start(functionSpec('export const handler = async () => process.pid;'), 4);
  const pids = [];
  for (let calls = 0; calls < 5; calls += 1) pids.push(await call({}));
  expect(new Set(pids.map((result) => JSON.stringify(result))).size).toBe(1);
});

it('throttles a call that finds no free process in time, and serves the others in order', async () => {
  const code = 'let n = 0; export const handler = async (ms) => { await new Promise((r) => setTimeout(r, ms)); return (n += 1); };';
  const { call } = await start(functionSpec(code));
  await call(0);
  const results = await Promise.all([call(400), call(0, 50), call(0), call(0)]);
  expect(results).toEqual([answered(2), { outcome: 'throttled' }, answered(3), answered(4)]);
});

it('tells a running call that no time remains when it stops, and waits for its answer', async () => {
  const code = `
    export const handler = async (event, context) => {
      const before = context.getRemainingTimeInMillis();
      console.log('begun');
      while (context.getRemainingTimeInMillis() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      return before > 0;
    };`;
  const { pool, call, logFile } = await start(functionSpec(code, { timeoutMs: 20_000 }));
  const running = call({});
  await vi.waitFor(() => expect(readFileSync(logFile, 'utf8')).toContain('begun'), 5000);
  const waiting = call({});
  await pool.stop(STOP_GRACE_MS);
  expect(await running).toEqual(answered(true));
  expect(await waiting).toEqual({ outcome: 'throttled' });
  expect(await call({})).toEqual({ outcome: 'throttled' });
});

it('kills a call that does not end in time when it stops', async () => {
  const { pool, call, logFile, terminal } = await start(
    functionSpec('export const handler = async () => { console.log("begun"); for (;;); };', { timeoutMs: 20_000 }),
  );
  const running = call({});
  await vi.waitFor(() => expect(readFileSync(logFile, 'utf8')).toContain('begun'), 5000);
  await pool.stop(50);
  expect(await running).toEqual(failed('Runtime.ExitError', /SIGKILL/));
  // Nothing of a next call, which there will not be.
  expect(terminal).toEqual(["tested: The function's process ended with signal SIGKILL during a call."]);
});

it('refuses an answer over 6 MB', async () => {
  const { call } = await start(functionSpec('export const handler = async () => "x".repeat(6_300_000);'));
  expect(await call({})).toEqual(failed('Function.ResponseSizeTooLarge', /6291556 bytes/));
});
