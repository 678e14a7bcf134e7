import { existsSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import tsconfig from '../../tsconfig.json' with { type: 'json' };
import { controlRequest, infoRequest, initStockRequest, joinRequest, statusRequest } from '../../lambda/http/requests.ts';
import { CONTEXT_KEYS } from '../../lib/context.ts';
import { blocks, codeWords, documents, read, ROOT } from './markdown.ts';

const exists = (file: string) => existsSync(path.join(ROOT, file));

/** The anchor that a heading gets on GitHub. */
const anchorOf = (heading: string) => heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-');

const anchorsOf = (file: string) => [...read(file).replaceAll(/^```.*?^```$/gms, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

test('the documents that readers are promised are there', () => {
  expect(documents).toEqual(expect.arrayContaining(['README.md', 'README.ko.md', 'CONTRIBUTING.md', 'docs/api.md', 'docs/data-model.md']));
});

/** What is wrong in any document, each with the document's name in front. */
const faults = (find: (text: string, document: string) => string[]) =>
  documents.flatMap((document) => find(read(document), document).map((fault) => `${document}: ${fault}`));

test('links lead to files and headings that exist', () => {
  const broken = faults((text, document) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .flatMap(([, target = '']) => (/^https?:/.test(target) ? [] : [target]))
      .filter((target) => {
        const [file = '', anchor] = target.split('#');
        const linked = file === '' ? document : path.posix.join(path.posix.dirname(document), file);
        return !exists(linked) || (anchor !== undefined && !anchorsOf(linked).includes(anchor));
      }),
  );
  expect(broken).toEqual([]);
});

test('files that are named exist', () => {
  const missing = faults((text) => codeWords(text).filter((word) => /^(bin|lib|lambda|local|bench|test|docs)\/[\w./-]+$/.test(word) && !exists(word)));
  expect(missing).toEqual([]);
});

test('npm scripts that are mentioned exist, and know their options', () => {
  const sources: Record<string, string> = {
    start: 'bin/local.ts',
    token: 'bin/token.ts',
    rush: 'bench/rush-options.ts',
    chaos: 'bench/chaos-options.ts',
    bench: 'bin/bench.ts',
    capacity: 'bin/capacity.ts',
    cost: 'bench/cost/options.ts',
    simulate: 'test/simulation/main.ts',
    // CDK's own -c, as npm start hands it on.
    synth: 'bin/local.ts',
    smoke: 'bench/smoke-options.ts',
    winners: 'bench/winners-options.ts',
  };
  const unknown = faults((text) =>
    [...text.matchAll(/\bnpm (?:-s )?(?:run )?(start|test|(?<=run )[\w:-]+)([^`#|\n)]*)/g)].flatMap(([, script = '', rest = '']) => {
      if (!Object.hasOwn(packageJson.scripts, script)) return [script];
      const options = [...rest.matchAll(/(?<= )-{1,2}[a-z][\w-]*/g)].map(([option]) => option).filter((option) => option !== '--help');
      const source = sources[script] === undefined ? '' : read(sources[script]);
      return options.filter((option) => !new RegExp(`'(-\\w, )?${option}[ ',]`).test(source)).map((option) => `${script} ${option}`);
    }),
  );
  expect(unknown).toEqual([]);
});

test('context values that are given on a command line exist', () => {
  const known = new Set(CONTEXT_KEYS);
  expect(faults((text) => [...text.matchAll(/-c (\w+)=/g)].flatMap(([, key = '']) => (known.has(key) ? [] : [key])))).toEqual([]);
});

test('JSON that is shown parses', () => {
  for (const document of documents) for (const block of blocks(read(document), 'json')) expect(() => JSON.parse(block), `${document}: ${block}`).not.toThrow();
});

/** The user of a token, whom a request with one need not name. */
const TOKEN_USER = { userId: 'user1' };

/** The requests that the shell commands of a text make. */
function requestsIn(text: string): { route: string; request: unknown }[] {
  const commands = blocks(text, 'sh').join('\n');
  const posts = [...commands.matchAll(/(?:\$API\/|^)([a-z-]+)( -H "authorization: Bearer \$TOKEN")?(?: -H 'content-type: application\/json' -d)? '(\{.*\})'/gm)];
  const gets = [...commands.matchAll(/\$API\/([a-z-]+)\?([^"']+)"( -H "authorization: Bearer \$TOKEN")?/g)];
  return [
    ...posts.map(([, route = '', token, body = '']) => ({ route, request: { ...(token && TOKEN_USER), ...(JSON.parse(body) as object) } })),
    ...gets.map(([, route = '', query, token]) => ({ route, request: { ...(token && TOKEN_USER), ...Object.fromEntries(new URLSearchParams(query)) } })),
  ];
}

test('requests that are shown are such as the API takes', () => {
  const schemas: Record<string, v.GenericSchema> = { join: joinRequest, 'init-stock': initStockRequest, control: controlRequest, status: statusRequest, info: infoRequest };
  const refused = faults((text) =>
    requestsIn(text).flatMap(({ route, request }) => {
      const schema = schemas[route];
      return schema && v.is(schema, request) ? [] : [`${route} ${JSON.stringify(request)}`];
    }),
  );
  expect(refused).toEqual([]);
  for (const document of ['README.md', 'docs/api.md']) {
    expect(new Set(requestsIn(read(document)).map(({ route }) => route)), document).toEqual(new Set(Object.keys(schemas)));
  }
});

test('the layout shows every folder of code, and no other', () => {
  const layout = blocks(read('README.md').split('## Layout')[1] ?? '')[0] ?? '';
  const shown: string[] = [];
  let parent = '';
  for (const [, indent = '', name = ''] of layout.matchAll(/^( *)([a-z]+)\//gm)) {
    if (indent === '') parent = name;
    shown.push(indent === '' ? name : `${parent}/${name}`);
  }
  expect(shown.filter((folder) => !exists(folder))).toEqual([]);
  const folders = tsconfig.include.filter((entry) => !entry.includes('*'));
  expect(shown.filter((folder) => !folder.includes('/')).toSorted()).toEqual([...folders, 'docs'].toSorted());
});

test('the Korean README shows what the first half of the English one shows', () => {
  const english = blocks(read('README.md').split('## Configuration')[0] ?? '');
  expect(english.length).toBeGreaterThan(0);
  expect(blocks(read('README.ko.md'))).toEqual(english);
});
