import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lockDataDir } from '../../local/lock.ts';
import { temporaryDir } from './tiny-assembly.ts';

const LOCK_MODULE = new URL('../../local/lock.ts', import.meta.url).href;

it('gives a folder to one at a time, and to the next when it is given up', () => {
  const dir = join(temporaryDir(), 'deep', 'data');
  const unlock = lockDataDir(dir);
  expect(() => lockDataDir(dir)).toThrow(`Another local run uses ${dir}: stop it first.`);
  unlock();
  lockDataDir(dir)();
});

it('is gone with a process that was killed', async () => {
  const dir = temporaryDir();
  const script = `import { lockDataDir } from ${JSON.stringify(LOCK_MODULE)}; lockDataDir(${JSON.stringify(dir)}); globalThis.gc(); console.log('locked'); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--expose-gc', '--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  try {
    expect(() => lockDataDir(dir)).toThrow(/Another local run/);
  } finally {
    holder.kill('SIGKILL');
    await once(holder, 'exit');
  }
  lockDataDir(dir)();
  expect(readdirSync(dir)).toEqual(['lock']);
});

it('says so when the folder cannot be written', () => {
  const file = join(temporaryDir(), 'file');
  writeFileSync(file, '');
  expect(() => lockDataDir(join(file, 'data'))).toThrow(/can't be written .*: make it writable, or choose another\.$/);
});
