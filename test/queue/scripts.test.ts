import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { composeScript } from '../../lambda/queue/script.ts';
import prelude from '../../lambda/queue/prelude.lua';
import { isUserField, joinKeys, ownKeys, PROMOTION_FIELDS } from '../../lambda/queue/keys.ts';
import { USER_ID } from '../../lambda/queue/ids.ts';
import { redisForFile } from './promotion-for-test.ts';

const folder = path.join(import.meta.dirname, '../../lambda/queue');
const files = readdirSync(folder).filter((file) => file.endsWith('.lua') && file !== 'prelude.lua');
const scripts = files.map((file) => {
  const text = readFileSync(path.join(folder, file), 'utf8');
  const [first = '', ...rest] = text.split('\n');
  const bodyFrom = rest.findIndex((line) => !line.startsWith('--'));
  return { file, first, header: rest.slice(0, bodyFrom), body: rest.slice(bodyFrom).filter((line) => !line.trim().startsWith('--')).join('\n'), text };
});

/** What a header says under one of its words, continuation lines included. */
function section(header: string[], word: string): string {
  const from = header.findIndex((line) => line.startsWith(`-- ${word} `));
  if (from < 0) return '';
  const following = header.slice(from + 1).findIndex((line) => !line.startsWith('--   '));
  return header.slice(from, following < 0 ? undefined : from + 1 + following).join(' ').slice(3 + word.length);
}

const numbers = (text: string, pattern: RegExp) => new Set([...text.matchAll(pattern)].map((match) => Number(match[1])));
const redis = redisForFile();

describe('script headers', () => {
  test.each(scripts)('$file: the header holds against the body', ({ file, first, header, body }) => {
    const name = file.replace('.lua', '');
    expect(header[0]).toMatch(new RegExp(`^-- ${name}: `));
    for (const word of ['KEYS', 'ARGV', 'Returns', 'Guards']) expect(section(header, word), word).not.toBe('');

    const declaredKeys = numbers(section(header, 'KEYS'), /(?<=\s)(\d+) [a-z]/g);
    expect([...numbers(body, /KEYS\[(\d+)\]/g)].filter((key) => !declaredKeys.has(key))).toEqual([]);
    const declaredArguments = numbers(section(header, 'ARGV'), /(?<=\s)(\d+)[. ]/g);
    expect([...numbers(body, /ARGV\[(\d+)\]/g)].filter((argument) => !declaredArguments.has(argument))).toEqual([]);

    const returned = [...body.matchAll(/return (?:\{)?(?:joined and )?'([A-Z_]+)'(?: or '([A-Z_]+)')?/g)].flatMap(([, a, b]) => [a, b]).filter((kind) => kind !== undefined);
    for (const kind of returned) expect(section(header, 'Returns')).toContain(`'${kind}'`);

    // A promotion's scripts take all of its own keys, in one order, so that a migrating slot stops them before they write; join says why it need not.
    if (name !== 'join' && section(header, 'KEYS').includes('waiting_queue')) expect(declaredKeys.size).toBeGreaterThanOrEqual(ownKeys('p').length);
    // Joins and new promotions are refused when memory is full; everything that lets a sale go on to its end is not.
    const flags = name === 'read' ? 'flags=no-writes,allow-oom' : 'flags=allow-oom';
    expect(first).toBe(['join', 'init-stock', 'register-promotion'].includes(name) ? '#!lua' : `#!lua ${flags}`);
  });

  test.each(scripts)('$file: time comes from the prelude alone, and no number goes through .. or tostring, which keep 14 digits', ({ body }) => {
    expect(body).not.toMatch(/'TIME'|tostring/);
    expect(body.replaceAll(/ARGV\[1\] \.\. (users\[i\]|user|field)$/gm, '')).not.toContain('..');
  });

  test.each(scripts)('$file: is named as its operation, and Redis takes it', async ({ file, text }) => {
    const { source, sha } = composeScript(text);
    expect(source.split('\n')[0]).toBe(text.split('\n')[0]);
    expect(await redis.script('LOAD', source)).toBe(sha);
    expect(file).toMatch(/^[a-z]+(-[a-z]+)?\.lua$/);
  });

  test('the order of keys is the one that headers name', () => {
    const names = ['waiting_queue', 'processing', 'stock', 'promotion', 'lease', 'sold_out_queue', 'restock_requests'];
    const nameOf = (key: string) => (key === '{7}' ? 'stock' : key.replaceAll(/^coupon:|:\{7\}.*$/g, ''));
    expect(ownKeys('7').map(nameOf)).toEqual(names);
    for (const { file, header } of scripts) {
      const keys = section(header, 'KEYS');
      const taken = file === 'join.lua' ? joinKeys('7', 'u').map(nameOf) : names;
      if (keys.includes('waiting_queue')) expect(keys).toContain(taken.map((name, i) => `${i + 1} ${name}`).join('  '));
    }
  });

  test('a script gets those definitions of the prelude that it names, and no others', async () => {
    const { source } = composeScript('#!lua\n-- server_now_ms\nreturn 1\n');
    expect([...source.matchAll(/^local (?:function )?(\w+)/gm)].map(([, name]) => name)).toEqual(['server_now_ms']);
    const now = Number(await redis.eval(composeScript('#!lua\nreturn server_now_ms()\n').source, 1, '{t}'));
    expect(Math.abs(now - Date.now())).toBeLessThan(60_000);
  });

  test('a simulation can replace the time', async () => {
    const frozen = composeScript('#!lua\nlocal function server_now_ms() return 42 end\nreturn server_now_ms()\n');
    expect(await redis.eval(frozen.source, 1, '{t}')).toBe(42);
  });

  test('a number that a script gives to a command is written with all of its digits', async () => {
    for (const number of [0, 7, 1_000_000_000, 1_800_000_000_000, 1_800_000_000_123, 100_000_000_000_000, 999_999_999_999_999]) {
      expect(await redis.eval(`#!lua\nreturn redis.call('ECHO', ${number})\n`, 1, '{t}')).toBe(String(number));
      expect(await redis.eval(`#!lua\nreturn redis.call('ECHO', ${number - 1} + 1)\n`, 1, '{t}')).toBe(String(number));
    }
  });
});

describe("the promotion hash's own fields", () => {
  test('none of them can be a user', () => {
    for (const field of PROMOTION_FIELDS) {
      expect(field).not.toMatch(USER_ID);
      expect(isUserField(field)).toBe(false);
    }
    expect('#').not.toMatch(USER_ID);
  });

  test('are those that the scripts name, and as many as the scripts count', () => {
    const named = new Set(scripts.flatMap(({ body }) => [...body.matchAll(/'(#\w+)'/g)].map(([, field]) => field)));
    expect(named).toEqual(new Set(PROMOTION_FIELDS));
    expect(prelude).toContain(`local PROMOTION_FIELDS = ${PROMOTION_FIELDS.length}\n`);
  });
});
