import { describe, expect, test } from 'vitest';
import { accessStrings } from '../../lambda/queue/access.ts';
import { decodeIssueMessage, encodeIssueMessage, MESSAGE_USERS_MAX } from '../../lambda/queue/issue-message.ts';
import { drainRunKey, joinKeys, keysOf, ownKeys, PROMOTIONS_KEY } from '../../lambda/queue/keys.ts';
import { RETIRE_USERS_MAX } from '../../lambda/queue/retire.ts';
import { SWEEP_USERS_MAX } from '../../lambda/queue/sweep.ts';
import { grantsOf } from '../queue/access-for-test.ts';
import { blocks, filesIn, plain, read, table } from './markdown.ts';

const document = read('docs/data-model.md');
const keysSource = read('lambda/queue/keys.ts');
const { rows } = table(document, 'key', 'type', 'holds', 'written by');

const keys = keysOf('P');
/** Every key, as the table writes it, by its name in keys.ts. */
const named: Record<string, string> = {
  ...keys,
  userStatusPrefix: `${keys.userStatusPrefix}U`,
  PROMOTIONS_KEY,
  drainRunKey: drainRunKey(0).replace(/0$/, 'S'),
};

/** The Redis type that the comment above a name in keys.ts begins with. */
function typeOf(name: string): string | undefined {
  return new RegExp(`/\\*\\* (String|List|Set|Hash|Sorted set)\\b[^/]*\\*/\\s*(?:export const )?${name}\\b`).exec(keysSource)?.[1];
}

const WRITES = new Set(['SET', 'SETRANGE', 'MSET', 'DECRBY', 'RPUSH', 'LTRIM', 'RENAME', 'SADD', 'SREM', 'HSET', 'HDEL', 'HINCRBY', 'ZADD', 'ZREM', 'DEL']);
const READS = new Set(['TIME', 'EXISTS', 'GET', 'MGET', 'LLEN', 'LRANGE', 'SCARD', 'SISMEMBER', 'SMISMEMBER', 'HGET', 'HMGET', 'HLEN', 'HRANDFIELD', 'ZCARD', 'ZSCORE', 'ZRANGEBYSCORE']);

/** Which keys a script writes, by their names in keys.ts. */
function writtenBy(script: string): Set<string> {
  const nameOf = (key: string) => Object.keys(keys).find((name) => keys[name as keyof typeof keys] === key) ?? 'userStatusPrefix';
  const own = ownKeys('P').map(nameOf);
  const source = read(`lambda/queue/${script}.lua`);
  const [, declared = ''] = /^-- KEYS +1 (\w+)/m.exec(source) ?? [];
  const first: Record<string, string> = { promotions: 'PROMOTIONS_KEY', drain_run: 'drainRunKey' };
  const byNumber = first[declared] ? [first[declared]] : (script === 'join' ? joinKeys('P', 'U').map(nameOf) : own);
  const written = new Set<string>();
  for (const [, command = '', args = ''] of source.matchAll(/\bcall\('(\w+)', ([^\n]*)/g)) {
    if (READS.has(command)) continue;
    expect(WRITES, `${script} calls ${command}`).toContain(command);
    if (args.startsWith('unpack(KEYS)')) for (const name of own) written.add(name);
    else if (args.startsWith('unpack(')) written.add('userStatusPrefix');
    else {
      const touched = command === 'RENAME' ? args : args.split(',')[0] ?? '';
      for (const [, number] of touched.matchAll(/KEYS\[(\d+)\]/g)) written.add(byNumber[Number(number) - 1] ?? '');
    }
  }
  return written;
}

describe('the table of keys', () => {
  test('is keys.ts: every key with its type', () => {
    const expected = Object.entries(named).map(([name, key]) => `${key} ${typeOf(name)}`);
    expect(rows.map(([key, type]) => `${plain(key)} ${type}`).toSorted()).toEqual(expected.toSorted());
  });

  test('begins with the four public ones', () => {
    expect(rows.slice(0, 4).map(([key]) => plain(key))).toEqual(['coupon:waiting_queue:{P}', 'coupon:processing:{P}', 'coupon:user_status:{P}:U', '{P}']);
  });

  test('names the scripts that write each', () => {
    const scripts = filesIn('lambda/queue', '.lua').map((file) => file.replace(/.*\/(.+)\.lua/, '$1')).filter((script) => script !== 'prelude' && script !== 'read');
    const writes = scripts.map((script) => ({ script, written: writtenBy(script) }));
    for (const [name, key] of Object.entries(named)) {
      const row = rows.find(([shown]) => plain(shown) === key);
      const expected = writes.flatMap(({ script, written }) => (written.has(name) ? [script] : []));
      expect(row?.[3]?.split(', ').toSorted(), key).toEqual(expected.toSorted());
    }
  });
});

describe('the table of who may touch what', () => {
  const shortOf = (pattern = '') => (pattern === '{*' ? 'stock' : pattern.replace(/^coupon:(\w+).*/, '$1'));

  test.each(Object.entries(accessStrings))('is what the user of %s is allowed', (name, accessString) => {
    const onKeys = grantsOf(accessString).filter((grant) => grant.includes(' ') && !grant.startsWith('eval')).map((grant) => grant.split(' '));
    const touched = (right: 'R' | 'W') => new Set(onKeys.filter(([, rights]) => rights?.includes(right)).map(([, , pattern]) => shortOf(pattern)));
    const row = table(document, 'function', 'reads', 'writes').rows.find(([shown]) => shown === name) ?? [];
    expect(row.slice(1).map((cell) => new Set(cell === '–' ? [] : cell.split(', ')))).toEqual([touched('R'), touched('W')]);
  });
});

test('the promotion hash has the fields that init-stock creates', () => {
  const creation = /redis\.call\('HSET', KEYS\[4\], '#state', 'OPEN'.*?\n.*?\)\n/.exec(read('lambda/queue/init-stock.lua'))?.[0] ?? '';
  const fields = [...creation.matchAll(/'(#\w+)'/g)].map(([, field]) => field);
  expect(table(document, 'field', 'value').rows.map(([field]) => plain(field))).toEqual(fields);
});

test('the SQS message shown is one that the issuer reads, with the limits that it has', () => {
  const [shown = ''] = blocks(document, 'json');
  expect(encodeIssueMessage(decodeIssueMessage(shown))).toBe(shown.trim());
  expect(document).toContain(`up to ${MESSAGE_USERS_MAX} users of one promotion`);
  expect(document).toContain(`1 to ${MESSAGE_USERS_MAX} user ids`);
});

test('the chunk sizes named are those of the code', () => {
  expect(document).toContain(`of a closed promotion, ${RETIRE_USERS_MAX} users at a time`);
  expect(read('docs/decisions.md')).toContain(`a chunk of ${SWEEP_USERS_MAX} for`);
});
