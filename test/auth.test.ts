import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mintToken, type Auth } from '../local/auth-file.ts';
import { startSystem, type System } from '../local/system.ts';
import { signedHeaders } from './signed-request.ts';
import { type Answer, ApiClient, uniquePromotionId } from './system-for-tests.ts';

const SCOPES = ['coupon-queue/join', 'coupon-queue/status'];
const json = { 'content-type': 'application/json' };
const root = path.join(import.meta.dirname, '..');

let dataDir: string;
let system: System;
let auth: Auth;
let api: ApiClient;

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'coupon-queue-auth-'));
  // prod, as it would be deployed, but for the size of a batch; nobody has said yet whose tokens it takes.
  system = await startSystem({ dataDir, port: 0, auth: 'jwt', context: { stage: 'prod', drainIntervalMs: '100' } });
  auth = system.auth as Auth;
  api = new ApiClient(system.apiUrl);
});
afterAll(async () => {
  await system?.stop();
  if (dataDir) await rm(dataDir, { recursive: true, force: true });
});

/** What a user sends, with a token for `sub`. */
const bearer = async (sub: string, scopes: string[] = SCOPES) => ({ authorization: `Bearer ${await mintToken(auth, sub, scopes)}` });
const join = async (sub: string, body: object): Promise<Answer> => api.post('join', body, { ...json, ...(await bearer(sub)) });
const status = async (sub: string, query: string): Promise<Answer> => api.send(`status?${query}`, { headers: await bearer(sub) });

/** What an operator sends. */
async function signed(method: 'GET' | 'POST', route: string, body?: object): Promise<Answer> {
  const request = { method, url: `${api.url}/${route}`, headers: body === undefined ? {} : json, ...(body && { body: JSON.stringify(body) }) };
  const { host: _, ...headers } = await signedHeaders(auth.operator, request);
  return api.send(route, { method, headers, ...(body && { body: request.body }) });
}

describe('a system as prod is deployed', () => {
  test('gives coupons to users by their tokens, opened and watched by an operator who signs', async () => {
    const p = uniquePromotionId();
    expect((await signed('POST', 'init-stock', { promotionId: p, stock: 1 })).status).toBe(200);
    expect(await join('first', { promotionId: p })).toMatchObject({ status: 200, body: { data: { position: 1 } } });
    expect((await join('second', { promotionId: p, userId: 'second' })).status).toBe(200);
    await expect.poll(async () => (await status('first', `promotionId=${p}`)).body.data?.['status']).toBe('COMPLETED');
    await expect.poll(async () => (await status('second', `promotionId=${p}&userId=second`)).body.data?.['status']).toBe('FAILED');
    expect((await signed('GET', `info?promotionId=${p}`)).body.data).toMatchObject({ completedCount: 1, failedCount: 1 });
    expect((await signed('POST', 'control', { promotionId: p, action: 'close' })).status).toBe(200);
  });

  test('lets nobody act for another user', async () => {
    const p = uniquePromotionId();
    await signed('POST', 'init-stock', { promotionId: p, stock: 5 });
    expect(await join('intruder', { promotionId: p, userId: 'victim' })).toMatchObject({
      status: 403,
      body: { success: false, message: '요청할 권한이 없습니다.', error: { code: 'FORBIDDEN' }, requestId: expect.any(String) },
    });
    expect(await status('intruder', `promotionId=${p}&userId=victim`)).toMatchObject({ status: 403, body: { error: { code: 'FORBIDDEN' } } });
    expect((await signed('GET', `info?promotionId=${p}`)).body.data).toMatchObject({ queueSize: 0, processingCount: 0, completedCount: 0 });
  });

  test('refuses a token whose sub is no user id, and says why in the log alone', async () => {
    const answer = await join('no user', { promotionId: 'p' });
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'FORBIDDEN' } } });
    const log = () => readFileSync(path.join(dataDir, 'logs', 'join.log'), 'utf8').split('\n').find((line) => line.includes(answer.body.requestId ?? '?'));
    await expect.poll(log).toContain('"reason":"the sub of the token is no user id"');
    expect(log()).not.toContain('no user"');
    expect(JSON.stringify(answer.body)).not.toContain('sub');
  });

  test.each(['join', 'init-stock', 'control'])('answers nobody on %s without a token or a signature', async (route) => {
    const answer = await api.post(route, { promotionId: 1, userId: 1, stock: 1, action: 'close' });
    expect([answer.status, answer.body]).toEqual(route === 'join' ? [401, { message: 'Unauthorized' }] : [403, { message: 'Forbidden' }]);
  });

  test.each(['status', 'info'])('answers nobody on %s without a token or a signature', async (route) => {
    const answer = await api.send(`${route}?promotionId=1&userId=1`);
    expect([answer.status, answer.body]).toEqual(route === 'status' ? [401, { message: 'Unauthorized' }] : [403, { message: 'Forbidden' }]);
  });

  test('keeps the scopes of join and status apart, and takes no ID token', async () => {
    const only = (scope: string[]) => bearer('user1', scope);
    const sendJoin = async (scope: string[]) => (await api.post('join', { promotionId: 'none' }, { ...json, ...(await only(scope)) })).status;
    const sendStatus = async (scope: string[]) => (await api.send('status?promotionId=none', { headers: await only(scope) })).status;
    expect([await sendJoin(['coupon-queue/join']), await sendStatus(['coupon-queue/join'])]).toEqual([404, 403]);
    expect([await sendJoin(['coupon-queue/status']), await sendStatus(['coupon-queue/status'])]).toEqual([403, 200]);
    expect([await sendJoin([]), await sendStatus([])]).toEqual([403, 403]);
  });

  test('gives an operator no more than a user by a token, and a user no more by a signature', async () => {
    expect(await api.post('control', { promotionId: 1, action: 'close' }, { ...json, ...(await bearer('user1')) })).toMatchObject({ status: 403 });
    expect(await signed('POST', 'join', { promotionId: 1, userId: 'a' })).toMatchObject({ status: 401 });
    expect(await signed('GET', 'status?promotionId=1&userId=a')).toMatchObject({ status: 401 });
  });

  test('still answers what is not there as API Gateway does', async () => {
    expect(await api.send('nowhere')).toMatchObject({ status: 404, body: { message: 'Not Found' } });
  });
});

describe('npm run token', () => {
  const token = async (...args: string[]) =>
    promisify(execFile)(process.execPath, ['bin/token.ts', '--data-dir', dataDir, ...args], { cwd: root }).then(
      ({ stdout }) => ({ code: 0, output: stdout.trim() }),
      ({ code, stderr }: { code: number; stderr: string }) => ({ code, output: stderr.trim() }),
    );

  test('mints a token that the system takes', async () => {
    const { output } = await token('--sub', 'minted');
    const answer = await api.send('status?promotionId=none', { headers: { authorization: `Bearer ${output}` } });
    expect(answer).toMatchObject({ status: 200, body: { data: { status: 'NOT_IN_QUEUE' } } });
    const { output: narrow } = await token('--sub', 'minted', '--scope', 'coupon-queue/join', '--expires', '60');
    expect(await api.send('status?promotionId=none', { headers: { authorization: narrow } })).toMatchObject({ status: 403 });
    const { exp, iat } = JSON.parse(Buffer.from(narrow.split('.')[1] ?? '', 'base64url').toString()) as { exp: number; iat: number };
    expect(exp - iat).toBe(60);
  });

  test.each([
    [[], 'error: say either --sub <user> or --operator'],
    [['--sub', 'a', '--operator'], 'error: say either --sub <user> or --operator'],
    [['--sub', 'a', '--expires', 'soon'], /It must be a whole number from 1 to 31,536,000\.$/],
    [['--sub', 'a', '--data-dir', '/nowhere'], 'There are no keys in /nowhere: start a local run that takes tokens there first (npm start -- --auth jwt).'],
  ])('says what is wrong with %j', async (args, sentence) => {
    const { code, output } = await token(...args);
    expect(code).toBe(1);
    if (typeof sentence === 'string') expect(output).toBe(sentence);
    else expect(output).toMatch(sentence);
  });

  test.skipIf(spawnSync('curl', ['--aws-sigv4', 'x', '--version']).status !== 0)("gives the operator's key for curl, which signs by itself", async () => {
    const { output: user } = await token('--operator');
    const curl = async (...args: string[]) =>
      (await promisify(execFile)('curl', ['-s', '--aws-sigv4', 'aws:amz:us-east-1:execute-api', '--user', user, ...args])).stdout;
    const p = uniquePromotionId();
    const opened = await curl(`${api.url}/init-stock`, '-H', 'content-type: application/json', '-d', JSON.stringify({ promotionId: p, stock: 3 }));
    expect(JSON.parse(opened)).toMatchObject({ success: true, data: { stock: 3 } });
    expect(JSON.parse(await curl(`${api.url}/info?promotionId=${p}`))).toMatchObject({ success: true, data: { initialStock: 3 } });
    expect(JSON.parse(await curl(`${api.url}/info?promotionId=${p}`, '--user', `${user}x`))).toEqual({ message: 'Forbidden' });
  });
});
