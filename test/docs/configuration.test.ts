import type { Node } from 'constructs';
import { describe, expect, test } from 'vitest';
import { environments } from '../../lambda/config.ts';
import { WATCHED_MAX } from '../../lambda/queue/watch.ts';
import { metricNames } from '../../lambda/telemetry.ts';
import { PACE_BOUNDS } from '../../lib/bounds.ts';
import { readStage } from '../../lib/context.ts';
import { IN_FLIGHT_BATCHES, stages, type Pace } from '../../lib/stages.ts';
import { plain, read, table } from './markdown.ts';

const variableOf = (key: string) => key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

const functions = Object.entries(environments);
const readersOf = (variable: string) => functions.filter(([, schema]) => Object.hasOwn(schema.entries, variable)).map(([name]) => name);

/** A stage's values by their path, such as redis.nodeType; what is empty as it is written in the documents. */
function flatten(value: object, prefix = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]): [string, string][] => {
    if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) return flatten(inner, `${prefix}${key}.`);
    const empty = prefix === 'auth.' ? 'to be set' : 'none';
    return [[`${prefix}${key}`, String(Array.isArray(inner) ? inner.join(', ') : inner) || empty]];
  });
}

describe('the table of variables in README.md', () => {
  const readme = read('README.md');
  const { rows } = table(readme, 'variable', 'read by', 'context value', 'dev', 'prod', 'range');
  const byVariable = new Map(rows.map(([variable, ...rest]) => [plain(variable), rest.map(plain)]));

  test('lists every variable that a function reads, and no other', () => {
    const variables = new Set(functions.flatMap(([, schema]) => Object.keys(schema.entries)));
    expect(rows).toHaveLength(byVariable.size);
    expect(new Set(byVariable.keys())).toEqual(variables);
  });

  test('says which functions read it', () => {
    for (const [variable, [readers]] of byVariable) {
      const expected = readersOf(variable);
      expect(readers, variable).toBe(expected.length === functions.length ? 'all' : expected.join(', '));
    }
  });

  test('has the defaults and bounds of the pace, and marks everything else as set by the stack', () => {
    const paceOf = new Map((Object.keys(PACE_BOUNDS) as (keyof Pace)[]).map((key) => [variableOf(key), key]));
    for (const [variable, [, ...shown]] of byVariable) {
      const key = paceOf.get(variable);
      const expected = key
        ? [key, String(stages.dev.pace[key]), String(stages.prod.pace[key]), PACE_BOUNDS[key].join('–')]
        : ['–', 'set by the stack', 'set by the stack', '–'];
      expect(shown.slice(0, expected.length), variable).toEqual(expected);
    }
    expect([...paceOf.keys()].filter((variable) => !byVariable.has(variable))).toEqual([]);
    expect(byVariable.get('MAX_IN_FLIGHT')?.at(-1)).toContain(`${IN_FLIGHT_BATCHES} batches`);
  });

  test('is preceded by the stages, the default first', () => {
    const { name } = readStage({ tryGetContext: () => undefined } as unknown as Node);
    const others = Object.keys(stages).filter((stage) => stage !== name);
    expect(readme).toContain(`\`-c stage=${name}\` (the default)`);
    for (const stage of others) expect(readme).toContain(`\`-c stage=${stage}\``);
  });
});

test('the table of stages in docs/deploy.md is lib/stages.ts', () => {
  const { rows } = table(read('docs/deploy.md'), 'value', 'dev', 'prod');
  const [dev, prod] = [new Map(flatten(stages.dev)), new Map(flatten(stages.prod))];
  const expected = [...new Set([...dev.keys(), ...prod.keys()])].map((key) => [key, dev.get(key) ?? '–', prod.get(key) ?? '–'].join(' | '));
  expect(rows.map((row) => row.slice(0, 3).map(plain).join(' | ')).toSorted()).toEqual(expected.toSorted());
});

test('the table of metrics in docs/deploy.md is lambda/telemetry.ts, and the bound of their cost is the code\'s', () => {
  const page = read('docs/deploy.md');
  const shown = table(page, 'metric', 'by', 'is').rows.map(([name, by]) => `${plain(name)} by ${by}`);
  const named = Object.entries(metricNames).flatMap(([dimension, names]) => names.map((name) => `${name} by ${dimension === 'service' ? 'service' : `service, ${dimension}`}`));
  expect(shown.toSorted()).toEqual(named.toSorted());
  const { service, shard, promotion } = metricNames;
  expect(page).toContain(`${service.length} + ${shard.length} × shards + ${promotion.length} × ${WATCHED_MAX} × shards`);
});

describe('docs/local.md', () => {
  const text = read('docs/local.md');

  test('names the fields of endpoints.json', () => {
    const [, fields = ''] = /interface Endpoints \{(.+?)\}/s.exec(read('local/system.ts')) ?? [];
    const names = [...fields.matchAll(/(\w+): string;/g)].map(([, name]) => `\`${name}\``);
    expect(names.length).toBeGreaterThan(0);
    expect(text).toContain(`\`endpoints.json\` is for scripts: ${names.join(', ')}.`);
  });

  test('lists the variables that the local run reads, and its default port', () => {
    const sources = ['bin/local.ts', 'local/redis-binary.ts'].map(read).join('\n');
    const variables = table(text, 'variable', 'default').rows.map(([variable, value]) => [plain(variable), value]);
    for (const [variable] of variables) expect(sources, variable).toMatch(new RegExp(`env(\\.${variable}|\\['${variable}'\\])`));
    expect(variables).toContainEqual(['PORT', /env\.PORT \|\| '(\d+)'/.exec(sources)?.[1]]);
  });

  test('quotes what a second start says', () => {
    const [, before = '', after = ''] = /`(Another .+?)\$\{dataDir\}(.+?)`/.exec(read('local/lock.ts')) ?? [];
    expect(before).not.toBe('');
    expect(text).toContain(`"${before}…/.local${after}"`);
  });
});
