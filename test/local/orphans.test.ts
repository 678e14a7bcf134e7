import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { functionSpec, temporaryDir } from './tiny-assembly.ts';

const local = (name: string): string => JSON.stringify(new URL(`../../local/${name}.ts`, import.meta.url).href);

/** A process that has ended but that nobody has asked about yet still has an id. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform === 'linux' && / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

it.each([
  ['idle', 'export const handler = async () => console.log("pid", process.pid);'],
  ['in an endless loop', 'export const handler = async () => { console.log("pid", process.pid); for (;;); };'],
])('a function process that is %s dies with a runner that is killed', async (_what, code) => {
  const spec = functionSpec(code, { timeoutMs: 60_000 });
  const script = `
    import { createFunctionPool } from ${local('function-pool')};
    import { startReaper } from ${local('reaper')};
    import { startRuntimeApi } from ${local('runtime-api')};
    const log = { write: (_stream, text) => process.stdout.write(text), note() {}, close() {} };
    const around = { runtimeApi: await startRuntimeApi(), reaper: startReaper(), log };
    void createFunctionPool(${JSON.stringify(spec)}, 1, around).invoke('{}', 1000);
    setInterval(() => {}, 1000);`;
  const runner = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'], cwd: temporaryDir() });
  onTestFinished(() => void runner.kill('SIGKILL'));
  const [text] = (await once(runner.stdout, 'data')) as [Buffer];
  const pid = Number(/pid (\d+)/.exec(text.toString())?.[1]);
  onTestFinished(() => {
    if (!isGone(pid)) process.kill(pid, 'SIGKILL');
  });
  expect(isGone(pid)).toBe(false);
  runner.kill('SIGKILL');
  await vi.waitFor(() => expect(isGone(pid)).toBe(true), { timeout: 5000, interval: 20 });
});
