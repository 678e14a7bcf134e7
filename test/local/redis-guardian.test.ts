import { describe, it } from 'vitest';
import { spawnGuarded } from '../../local/guardian.ts';
import { isRunning } from './redis-process.ts';

const shell = (script: string, graceSeconds = 5) => spawnGuarded('/bin/sh', ['-c', script], { env: process.env, graceSeconds });

describe.concurrent('a guarded command', () => {
  it('is known by its own process id', async ({ expect }) => {
    const guarded = await shell('echo "$$"');
    await guarded.exited;
    expect(guarded.recentOutput()).toBe(`${guarded.pid}\n`);
  });

  it('is reported with its exit code and what it said', async ({ expect }) => {
    const guarded = await shell('echo to say >&2; exit 3');
    expect(await guarded.exited).toBe('with exit code 3');
    expect(guarded.recentOutput()).toBe('to say\n');
  });

  it('is reported with the signal that killed it', async ({ expect }) => {
    const guarded = await shell('exec sleep 60');
    process.kill(guarded.pid, 'SIGKILL');
    expect(await guarded.exited).toBe('by SIGKILL');
  });

  it('is reported when there is no such command', async ({ expect }) => {
    const guarded = await spawnGuarded('/no/such/command', [], { env: process.env });
    expect(await guarded.exited).toBe('with exit code 127');
    expect(guarded.recentOutput()).toMatch(/no\/such\/command.*not found/i);
  });

  it('is asked to end before it is killed', async ({ expect }) => {
    const guarded = await shell('trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.05; done');
    await expect.poll(() => guarded.recentOutput()).toBe('up\n');
    await guarded.stop();
    expect(await guarded.exited).toBe('with exit code 0');
    expect(guarded.recentOutput()).toBe('up\nbye\n');
  });

  it('is killed when it does not end within the grace', async ({ expect }) => {
    const guarded = await shell('trap "" TERM; echo up; while :; do sleep 0.05; done', 1);
    await expect.poll(() => guarded.recentOutput()).toBe('up\n');
    await guarded.stop();
    expect(await guarded.exited).toBe('by SIGKILL');
    expect(isRunning(guarded.pid)).toBe(false);
  });

  it('may be stopped twice, and after its end', async ({ expect }) => {
    const guarded = await shell('exit 0');
    await guarded.exited;
    await guarded.stop();
    await guarded.stop();
    expect(await guarded.exited).toBe('with exit code 0');
  });
});
