import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type * as ioredis from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { standIns, writeBundle } from '../../lib/write-bundle.ts';

interface Commands {
  list: string[];
  exists(name: string, options?: { caseInsensitive: boolean }): boolean;
  hasFlag(name: string, flag: string, options?: { nameCaseInsensitive: boolean }): boolean;
  getKeyIndexes(name: string, args: string[], options?: { nameCaseInsensitive: boolean }): number[];
}

const require = createRequire(import.meta.url);
const real = createRequire(require.resolve('ioredis'))('@ioredis/commands') as Commands;
const ours = require(standIns['@ioredis/commands']) as Commands;
const ioredisFolder = dirname(require.resolve('ioredis'));
const queueFolder = join(import.meta.dirname, '../../lambda/queue');

describe('the commands of the bundles', () => {
  test.each(ours.list)('%s is what ioredis knows it to be', (name) => {
    const argsOf = (keys: number) => ['a', String(keys), 'k1', 'k2', 'k3', 'b'];
    for (const spelled of [name, name.toUpperCase()]) {
      const options = { nameCaseInsensitive: true };
      expect(ours.exists(spelled, { caseInsensitive: true })).toBe(true);
      expect(ours.exists(spelled)).toBe(real.exists(spelled));
      for (const flag of ['readonly', 'loading']) expect(ours.hasFlag(spelled, flag, options), flag).toBe(real.hasFlag(spelled, flag, options));
      for (const keys of [0, 1, 3]) expect(ours.getKeyIndexes(spelled, argsOf(keys), options)).toEqual(real.getKeyIndexes(spelled, argsOf(keys), options));
    }
  });

  test('are all that lambda/queue sends', () => {
    const sent = globSync('*.ts', { cwd: queueFolder }).flatMap((file) => {
      const code = readFileSync(join(queueFolder, file), 'utf8');
      // Called on a client, or named first in a command of a MULTI.
      return [...code.matchAll(/\b(?:client|redis|master|pipeline)\s*\.(\w+)\(|\[\s*'(\w+)',/g)].map(([, called, named]) => called ?? named ?? '');
    });
    const commands = [...new Set(sent)].filter((name) => real.exists(name));
    expect(commands).toEqual(expect.arrayContaining(['evalsha', 'eval', 'multi', 'hmget', 'ping', 'info']));
    expect(commands.filter((name) => !ours.exists(name))).toEqual([]);
  });

  test('are all that ioredis sends by itself, but for what subscribes and monitors', () => {
    const senders = ['Redis.js', 'Pipeline.js', 'transaction.js', 'cluster/index.js', 'cluster/ConnectionPool.js', 'redis/event_handler.js'];
    const sent = senders.flatMap((file) => {
      const code = readFileSync(join(ioredisFolder, file), 'utf8').replaceAll(/\/\*.*?\*\//gs, '');
      const called = /\b(?:self|this|_this|redis|node|duplicatedConnection)\.(\w+)\(|new Command_1\.default\("(\w+)"|\?\s*"(\w+)"\s*:\s*"(\w+)"\]\(/g;
      return [...code.matchAll(called)].flatMap(([, ...names]) => names);
    });
    const commands = [...new Set(sent)].filter((name) => name !== undefined && real.exists(name));
    expect(commands).toEqual(expect.arrayContaining(['auth', 'asking', 'cluster', 'readwrite']));
    const missing = commands.filter((name) => name !== undefined && !ours.exists(name));
    expect(missing.toSorted()).toEqual(['psubscribe', 'ssubscribe', 'subscribe']);
  });

  test('an unknown one is refused in words that say where it belongs', () => {
    expect(ours.exists('flushall')).toBe(false);
    expect(() => ours.hasFlag('flushall', 'readonly')).toThrow('lib/stand-ins/redis-commands.cjs has no command flushall: add it there.');
  });
});

describe('a bundle', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'coupon-queue-bundle-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('names the errors of ioredis as ioredis does, and has no other commands', () => {
    const entry = join(folder, 'entry.js');
    writeFileSync(entry, `export * from ${JSON.stringify(require.resolve('ioredis'))};`);
    writeBundle(entry, join(folder, 'ioredis.cjs'));
    const { ReplyError, Redis } = require(join(folder, 'ioredis.cjs')) as typeof ioredis;
    expect(new ReplyError('x').name).toBe('ReplyError');
    expect(Redis.prototype).toHaveProperty('evalsha');
    expect(Redis.prototype).not.toHaveProperty('flushall');
  });
});
