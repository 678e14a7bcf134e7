import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { RootConstruct } from 'constructs';
import { describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { CONTEXT_KEYS, readStage } from '../../lib/context.ts';
import { stages } from '../../lib/stages.ts';

// They run on GitHub alone. What can be wrong with them and be seen here is looked at as text.

const root = path.join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const workflows = globSync('.github/workflows/*.yml', { cwd: root }).toSorted();

/** The shell commands of a workflow: what stands behind `run:`, on its line or indented below it. */
const commandsIn = (text: string) => [...text.matchAll(/^( *)(?:- )?run: (?:\|\n((?:\1 +.*\n|\n)+)|(.+))/gm)].map(([, , block, line]) => block ?? line ?? '');

test('there are the workflows that docs/operate.md tells of', () => {
  expect(workflows.map((file) => path.basename(file))).toEqual(['ci.yml', 'deploy.yml', 'test.yml']);
});

describe.each(workflows)('%s', (file) => {
  const text = read(file);

  test('calls npm scripts that exist, with options that these know', () => {
    const commands = commandsIn(text).join('\n').replaceAll('\\\n', '');
    const called = [...commands.matchAll(/\bnpm (?:-s )?(?:run )?([\w:-]+)/g)].map(([, script = '']) => script);
    const npmsOwn = ['ci', 'audit'];
    expect(called.filter((script) => !npmsOwn.includes(script) && !Object.hasOwn(packageJson.scripts, script))).toEqual([]);
    const options = [...commands.matchAll(/\bnpm (?:-s )?run smoke -- (.*)/g)].flatMap(([, given = '']) => given.match(/--[a-z-]+/g) ?? []);
    expect(options.filter((option) => !read('bench/smoke-options.ts').includes(`'${option} `))).toEqual([]);
    const keys = [...commands.matchAll(/-c "?(\w+)=/g)].map(([, key = '']) => key);
    expect(keys.filter((key) => !CONTEXT_KEYS.includes(key))).toEqual([]);
  });

  test('calls actions by a commit, and workflows that exist', () => {
    const used = [...text.matchAll(/^ *(?:- )?uses: (.+)$/gm)].map(([, use = '']) => use);
    expect(used.length).toBeGreaterThan(0);
    const wrong = used.filter((use) => (use.startsWith('./') ? !existsSync(path.join(root, use)) : !/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(use)));
    expect(wrong).toEqual([]);
  });

  test('may do nothing but read, where a job does not need AWS', () => {
    expect(text).toMatch(/^permissions:\n {2}contents: read\n\n/m);
    const granted = [...text.matchAll(/^ +([a-z-]+): (write|write-all)$/gm)].map(([, name]) => name);
    expect(granted.filter((name) => name !== 'id-token')).toEqual([]);
    expect(granted.length).toBe(text.match(/role-to-assume/g) ? 1 : 0);
    expect(text).not.toContain('pull_request_target');
  });

  test('ends by itself: every job has a time-out', () => {
    const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
    expect(count(/^ {4}timeout-minutes: \d+$/gm)).toBe(count(/^ {4}runs-on: /gm));
  });

  test('puts nothing that others write into a command', () => {
    expect(commandsIn(text).length).toBeGreaterThan(0);
    expect(commandsIn(text).filter((command) => command.includes('${{'))).toEqual([]);
  });
});

test('each stage is synthesized with all that it asks for', () => {
  const commands = commandsIn(read('.github/workflows/test.yml')).flatMap((command) => command.match(/npm run synth -- .*/g) ?? []);
  const synthesized = commands.map((command) => {
    const { node } = new RootConstruct();
    for (const [, key = '', value] of command.matchAll(/-c (\w+)=(\S+)/g)) node.setContext(key, value);
    return readStage(node).name;
  });
  expect(synthesized).toEqual(Object.keys(stages));
});

test('every variable and secret that they read is in docs/operate.md, and no other', () => {
  const used = workflows.flatMap((file) => [...read(file).matchAll(/\b(?:vars|secrets)\.(\w+)/g)].map(([, name = '']) => name));
  const described = [...read('docs/operate.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name = '']) => name);
  expect(described.toSorted()).toEqual([...new Set(used)].toSorted());
});

test('Dependabot looks after npm and the actions', () => {
  expect([...read('.github/dependabot.yml').matchAll(/package-ecosystem: (\S+)/g)].map(([, name]) => name)).toEqual(['npm', 'github-actions']);
});
