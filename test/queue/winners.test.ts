import { execFile } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { csvField } from '../../bench/winners-csv.ts';
import { loginOf } from '../../bench/winners-redis.ts';
import { winnersAccessString } from '../../lambda/queue/access.ts';
import { control } from '../../lambda/queue/control.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { join } from '../../lambda/queue/join.ts';
import { userStatusKey } from '../../lambda/queue/keys.ts';
import { saleProgress, winnersSince } from '../../lambda/queue/winners.ts';
import { uniquePromotionId } from '../redis-for-tests.ts';
import { drainNow, dump, promotionWith, redisForFile, users, winnersOf } from './promotion-for-test.ts';

const redis = redisForFile();
const ROOT = path.join(import.meta.dirname, '..', '..');
const COMMAND = path.join(ROOT, 'bin', 'winners.ts');
const LUA_IMPORT = path.join(ROOT, 'bench', 'lua-import.mjs');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'coupon-queue-winners-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A promotion in which the users of each batch won, in the order given. */
async function promotionWon(stock: number, inLine: string[], ...batches: string[][]): Promise<string> {
  const promotionId = await promotionWith(redis, stock, inLine);
  for (const batch of batches) {
    await drainNow(redis, promotionId, { batchSize: batch.length });
    await issue(redis, promotionId, batch.toReversed());
  }
  return promotionId;
}

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

const runWinners = (args: string[], env: Record<string, string> = { REDIS_URL: inject('redisUrl') }) =>
  new Promise<Ended>((resolve) => {
    const options = { env: { PATH: process.env.PATH, ...env }, cwd: folder };
    execFile(process.execPath, ['--import', LUA_IMPORT, COMMAND, ...args], options, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });

const csvOf = (winners: string[], first = 1) => ['ticket,userId', ...winners.map((user, i) => `${first + i},${user}`), ''].join('\n');

describe('the winners', () => {
  test.each([undefined, 1, 7, 30, 31])('come in the order of their tickets, with %s tickets looked at in a pass', async (windowTickets) => {
    const p = await promotionWon(20, users(50), users(15), users(5, 16));
    expect(await winnersOf(redis, p, windowTickets)).toEqual(users(20).map((userId, i) => ({ ticket: i + 1, userId })));
  });

  test('are none of those who lost, wait, or are in processing', async () => {
    const p = await promotionWon(10, users(20), users(3));
    await drainNow(redis, p, { batchSize: 4 });
    expect(await saleProgress(redis, p)).toMatchObject({ completedCount: 3, nowServing: 7, over: false });
    expect((await winnersOf(redis, p)).map(({ userId }) => userId)).toEqual(users(3));
  });

  test('after a restock are those who came in time before it and after it', async () => {
    const p = await promotionWon(2, users(5), users(2));
    await drainNow(redis, p);
    await control(redis, p, { action: 'restock', quantity: 2, requestId: 'r1' });
    await join(redis, p, 'late');
    await drainNow(redis, p);
    await issue(redis, p, ['late']);
    expect(await winnersOf(redis, p, 2)).toEqual([{ ticket: 1, userId: 'u1' }, { ticket: 2, userId: 'u2' }, { ticket: 6, userId: 'late' }]);
  });

  test('that are read while coupons are issued are all who had won before, and nobody who was in line then', async () => {
    const p = await promotionWon(300, users(300), users(100));
    await drainNow(redis, p, { batchSize: 50 });
    const since = await saleProgress(redis, p);
    const found: string[] = [];
    // One ticket in a pass: in each of 150 passes the sale has gone on.
    for await (const [winner] of winnersSince(redis, p, since!, 1)) {
      if (found.length === 10) await issue(redis, p, users(50, 101));
      if (found.length === 20) {
        await drainNow(redis, p, { batchSize: 100 });
        await issue(redis, p, users(100, 151));
      }
      found.push(winner!.userId);
    }
    expect(found).toEqual(users(150));
  });

  test('are read without a write', async () => {
    const p = await promotionWon(20, users(30), users(5));
    const before = await dump(redis, p);
    await winnersOf(redis, p, 3);
    expect(await dump(redis, p)).toEqual(before);
  });
});

describe('npm run winners', () => {
  test('writes CSV, and says that the list is complete', async () => {
    const p = await promotionWon(3, users(5), users(3));
    const ended = await runWinners(['--promotion', p]);
    expect(ended).toEqual({ code: 0, stdout: csvOf(users(3)), stderr: `3 winners of promotion ${p}, which is all of them.\n` });
  });

  test('writes a file that only its owner can read, and says that the sale goes on', async () => {
    const p = await promotionWon(9, users(5), users(3));
    const file = path.join(folder, 'own.csv');
    const { code, stdout, stderr } = await runWinners(['--promotion', p, '--out', file]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: `3 winners of promotion ${p}, so far: the sale goes on. Export again when it is over.\n` });
    expect(readFileSync(file, 'utf8')).toBe(csvOf(users(3)));
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('of a promotion where nobody has won is a header', async () => {
    expect(await runWinners(['--promotion', await promotionWith(redis, 3)])).toMatchObject({ code: 0, stdout: 'ticket,userId\n' });
  });

  test('writes no file when a status was lost, and says so', async () => {
    const p = await promotionWon(3, users(5), users(3));
    await redis.del(userStatusKey(p, 'u2'));
    const { code, stderr } = await runWinners(['--promotion', p, '--out', path.join(folder, 'lost.csv')]);
    expect(stderr).toMatch(/^There are 2 winners for 3 coupons issued, so the list is not right: run it again, .*\.\n$/);
    expect({ code, files: readdirSync(folder).filter((file) => file.startsWith('lost')) }).toEqual({ code: 1, files: [] });
  });

  test('says what to do when its user may not read, and when the file can not be written', async () => {
    const p = await promotionWon(1, users(1), users(1));
    const { hostname, port } = new URL(inject('redisUrl'));
    const name = uniquePromotionId();
    await redis.call('ACL', 'SETUSER', name, 'on', '>secret', '-@all', '+cluster|slots');
    const refused = await runWinners(['--promotion', p], { REDIS_URL: `redis://${name}:secret@${hostname}:${port}` });
    await redis.call('ACL', 'DELUSER', name);
    expect(refused.stderr).toMatch(/^Redis refused to be read \(.*NOPERM .*\): check what its user may do\.\n$/);
    const unwritten = await runWinners(['--promotion', p, '--out', path.join(folder, 'nowhere', 'w.csv')]);
    expect(unwritten.stderr).toMatch(/^The file can't be written \(ENOENT: .*\): name another one\.\n$/);
    expect([refused.code, unwritten.code]).toEqual([1, 1]);
  });

  test('signs in by IAM, with a token for this user, cluster and region', () => {
    const args = { promotion: 'p', iamUser: 'reader', replicationGroup: 'Group-1' };
    const env = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'session', AWS_REGION: 'eu-west-1' };
    const login = loginOf(args, 'rediss://h:6379', env);
    expect(login?.username).toBe('reader');
    expect(login?.password()).toMatch(/^group-1\/\?Action=connect&User=reader&.*key%2F\d{8}%2Feu-west-1%2Felasticache%2F.*&X-Amz-Security-Token=session&/);
    expect(loginOf({ ...args, region: 'us-east-1' }, 'rediss://h:6379', env)?.password()).toContain('%2Fus-east-1%2F');
    expect(loginOf({ promotion: 'p' }, 'redis://h:6379', env)).toBeUndefined();
  });

  test('prefers --redis to REDIS_URL', async () => {
    const p = await promotionWon(1, users(1), users(1));
    const args = ['--promotion', p, '--redis', inject('redisUrl')];
    expect(await runWinners(args, { REDIS_URL: 'redis://127.0.0.1:1' })).toMatchObject({ code: 0, stdout: csvOf(users(1)) });
  });

  test('ends quietly when whoever reads has seen enough', async () => {
    const p = await promotionWon(500, users(500), users(500));
    const script = `"$NODE" --import "$LUA_IMPORT" "$COMMAND" --promotion ${p}; echo "code $?" >&2`;
    const env = { ...process.env, NODE: process.execPath, LUA_IMPORT, COMMAND, REDIS_URL: inject('redisUrl') };
    const ended = await new Promise((resolve) => {
      execFile('sh', ['-c', `(${script}) | true`], { env }, (_error, stdout, stderr) => resolve({ stdout, stderr }));
    });
    expect(ended).toEqual({ stdout: '', stderr: 'code 0\n' });
  });

  test.each([
    { args: ['--promotion', 'a b'], sentence: "error: option '--promotion <id>' argument 'a b' is invalid. It must match ^[A-Za-z0-9_-]{1,64}$." },
    { args: [], sentence: "error: required option '--promotion <id>' not specified" },
    { args: ['--promotion', 'none'], sentence: 'There is no promotion none: it was never opened here, or has been removed.' },
    { args: ['--promotion', 'p', '--redis', 'localhost'], sentence: "error: option '--redis <url>' argument 'localhost' is invalid. It must be a redis:// or rediss:// URL." },
    {
      args: ['--promotion', 'p', '--redis', 'redis://:secret@127.0.0.1:1'],
      sentence: "The Redis at 127.0.0.1:1 can't be read (connect ECONNREFUSED 127.0.0.1:1): check the address, and whether this machine may reach it.",
    },
    { args: ['--promotion', 'p', '--iam-user', 'u'], sentence: "error: options '--iam-user' and '--replication-group' need each other: give both, or neither." },
    {
      args: ['--promotion', 'p', '--iam-user', 'u', '--replication-group', 'g'],
      sentence: '--iam-user signs in with a token, which is not sent in plain text: give the rediss:// URL of the cluster.',
    },
    {
      args: ['--promotion', 'p', '--redis', 'rediss://h:6379', '--iam-user', 'u', '--replication-group', 'g'],
      sentence: '--iam-user needs AWS credentials and a region: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION.',
    },
  ])('$args ends with a sentence and code 1', async ({ args, sentence }) => {
    expect(await runWinners(args)).toEqual({ code: 1, stdout: '', stderr: `${sentence}\n` });
  });

  test('replaces nothing but a file: no device, and no link to one', async () => {
    const p = await promotionWon(1, users(1), users(1));
    const link = path.join(folder, 'link');
    symlinkSync('/dev/null', link);
    expect(await runWinners(['--promotion', p, '--out', link])).toEqual({
      code: 1,
      stdout: '',
      stderr: `${link} is there and is no plain file: name another one, or leave out --out to write to standard output.\n`,
    });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });

  test('leaves a file alone that it can not replace', async () => {
    const file = path.join(folder, 'old.csv');
    writeFileSync(file, 'old');
    await runWinners(['--promotion', uniquePromotionId(), '--out', file]);
    expect([readFileSync(file, 'utf8'), existsSync(`${file}.part`)]).toEqual(['old', false]);
  });
});

test('a field with what CSV uses itself is quoted', () => {
  expect(['a|b@c-1', 'a,b', 'a"b', 'a\nb'].map(csvField)).toEqual(['a|b@c-1', '"a,b"', '"a""b"', '"a\nb"']);
});

test('the user for exports, named in the address, may do all that an export asks of Redis', async () => {
  const p = await promotionWon(4, users(6), users(2), users(2, 3));
  const { hostname, port } = new URL(inject('redisUrl'));
  const name = uniquePromotionId();
  const operator = new Redis(inject('redisUrl'));
  try {
    await operator.call('ACL', 'SETUSER', name, '>secret', ...winnersAccessString.split(' '));
    const as = (password: string) => runWinners(['--promotion', p], { REDIS_URL: `redis://${name}:${password}@${hostname}:${port}` });
    expect(await as('secret')).toMatchObject({ code: 0, stdout: csvOf(users(4)) });
    const { code, stderr } = await as('wrong');
    expect(stderr).toMatch(/^The Redis at \S+ can't be read \(WRONGPASS .*\): check the user, the password or the AWS credentials, and what that user may do\.\n$/);
    expect(code).toBe(1);
  } finally {
    await operator.call('ACL', 'DELUSER', name);
    operator.disconnect();
  }
});

describe('docs/operate.md', () => {
  const page = readFileSync(path.join(ROOT, 'docs/operate.md'), 'utf8');

  test('makes the user that is tested here', () => {
    expect(/--access-string '([^']+)'/.exec(page)?.[1]).toBe(winnersAccessString);
  });

  test('makes one file of the command, which works without anything beside it', async () => {
    const [, command = ''] = /^npx (esbuild bin\/winners\.ts .*)$/m.exec(page) ?? [];
    const bundle = path.join(folder, 'winners.mjs');
    const bin = path.join(ROOT, 'node_modules', '.bin');
    await promisify(execFile)('sh', ['-c', command.replace('--outfile=winners.mjs', `--outfile='${bundle}'`)], { cwd: ROOT, env: { PATH: `${bin}:${process.env.PATH}` } });
    const p = await promotionWon(2, users(3), users(2));
    const { stdout } = await promisify(execFile)(process.execPath, [bundle, '--promotion', p, '--redis', inject('redisUrl')], { cwd: folder });
    expect(stdout).toBe(csvOf(users(2)));
  });
});
