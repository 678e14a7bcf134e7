import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const root = path.join(import.meta.dirname, '../..');
const files = globSync('{bin,lib,lambda,local,bench}/**/*.{ts,mjs,cjs}', { cwd: root }).filter((file) => !file.endsWith('.d.ts'));

interface Import {
  file: string;
  /** A file of ours from the root, or the name of a package. */
  target: string;
  typeOnly: boolean;
}

const IMPORT = /^\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|import\(\s*'([^']+)'\s*\)/gm;
const importsOf = (file: string): Import[] =>
  [...readFileSync(path.join(root, file), 'utf8').matchAll(IMPORT)].map(([, type, named, dynamic]) => {
    const specifier = named ?? dynamic ?? '';
    const target = specifier.startsWith('.') ? path.relative(root, path.resolve(root, path.dirname(file), specifier)) : specifier;
    return { file, target, typeOnly: type !== undefined };
  });
const imports = files.flatMap(importsOf);
const ours = imports.filter(({ target }) => /^(bin|lib|lambda|local|bench|test|cdk\.json)/.test(target));

/** Which part of the house a file belongs to. */
function part(file: string): string {
  if (file.startsWith('lambda/http/')) return 'http';
  if (file.startsWith('lambda/queue/')) return 'queue';
  if (file === 'lambda/config.ts') return 'config';
  if (file === 'lambda/telemetry.ts') return 'telemetry';
  if (file === 'lambda/redis-client.ts') return 'redis-client';
  if (file === 'lambda/drain-report.ts') return 'drain-report';
  return file.split('/')[0] ?? file;
}

/** Imports run one way. `lambda` stands for the entries, one per function. */
const LAW: Record<string, string[]> = {
  bin: ['lib', 'local', 'bench', 'cdk.json'],
  lib: ['lib'],
  lambda: ['http', 'queue', 'config', 'telemetry', 'redis-client', 'drain-report'],
  http: ['http', 'queue', 'telemetry'],
  queue: ['queue'],
  config: [],
  telemetry: [],
  /** Where what the environment says meets the client. */
  'redis-client': ['queue', 'config'],
  /** Where what the loop tells meets CloudWatch. */
  'drain-report': ['queue', 'telemetry'],
  local: ['local'],
  /** The benchmarks measure functions as they are, from the event to the answer. */
  bench: ['bench', 'local', 'queue', 'lambda', 'http', 'lib'],
};

describe('the import law', () => {
  test('finds the imports at all', () => {
    expect(imports.length).toBeGreaterThan(200);
    expect(ours).toContainEqual({ file: 'lambda/join.ts', target: 'lambda/queue/join.ts', typeOnly: false });
    expect(ours).toContainEqual({ file: 'lambda/queue/join.ts', target: 'lambda/queue/join.lua', typeOnly: false });
    expect(ours).toContainEqual({ file: 'lib/redis.ts', target: 'lambda/config.ts', typeOnly: true });
  });

  test('imports run one way', () => {
    const broken = ours.filter(({ file, target, typeOnly }) => {
      if (part(file) === 'lib' && (target === 'lambda/config.ts' || target === 'lambda/telemetry.ts')) return !typeOnly;
      // Who may do what in Redis is one table, beside the keys; the stack makes users of it.
      if (file === 'lib/redis-users.ts' && target === 'lambda/queue/access.ts') return false;
      return !LAW[part(file)]?.includes(part(target));
    });
    expect(broken).toEqual([]);
  });

  test('the queue knows nothing of HTTP or events', () => {
    const foreign = imports.filter(({ file, target }) => part(file) === 'queue' && /middy|aws-lambda|powertools|node:http|aws-cdk/.test(target));
    expect(foreign).toEqual([]);
  });

  test('process.env is read in one file of lambda/', () => {
    const readers = files.filter((file) => file.startsWith('lambda/') && /process\s*\.\s*env|process\[|from 'node:process'/.test(readFileSync(path.join(root, file), 'utf8')));
    expect(readers).toEqual(['lambda/config.ts']);
  });

  test('one verb, one name: each script has its operation, each function its entry', () => {
    const verbs = globSync('lambda/queue/*.lua', { cwd: root }).map((file) => path.basename(file, '.lua'));
    const loaders = new Map(ours.filter(({ target }) => target.endsWith('.lua')).map(({ file, target }) => [path.basename(target, '.lua'), file]));
    expect(verbs.filter((verb) => !loaders.has(verb))).toEqual([]);
    for (const verb of ['join', 'status', 'init-stock', 'info', 'control', 'drain-loop']) {
      expect(files).toContain(`lambda/${verb}.ts`);
      expect(files).toContain(`lambda/queue/${verb}.ts`);
    }
  });
});
