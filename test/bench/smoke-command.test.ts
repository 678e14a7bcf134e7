import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { regionOf, signedHeaders } from '../../bench/operator-signature.ts';

const SMOKE = path.join(import.meta.dirname, '..', '..', 'bin', 'smoke.ts');

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

const runSmoke = (args: string[], env: Record<string, string> = {}) =>
  new Promise<Ended>((resolve) => {
    execFile(process.execPath, [SMOKE, ...args], { env: { PATH: process.env.PATH, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });

const jwt = (sub: string) => `e30.${Buffer.from(JSON.stringify({ sub })).toString('base64url')}.x`;

describe.concurrent('npm run smoke, wrongly asked', () => {
  test.each([
    { args: [], sentence: "error: required option '--url <url>' not specified" },
    { args: ['--url', 'https://me:secret@api.example.com'], sentence: "error: option '--url <url>' argument 'https://me:secret@api.example.com' is invalid. It must have neither a user nor a password." },
    { args: ['--url', 'localhost'], sentence: "error: option '--url <url>' argument 'localhost' is invalid. It must be an http:// or https:// URL." },
    { args: ['--url', 'http://h', '--wait', '0'], sentence: "error: option '--wait <seconds>' argument '0' is invalid. It must be a whole number from 1 to 900." },
    { args: ['--url', 'http://h', '--token', 'hunter2'], sentence: 'error: option \'--token\' is no JWT: give an access token, without "Bearer".' },
    { args: ['--url', 'http://h', '--other-token', jwt('a')], sentence: "error: option '--other-token' is for a second user: give '--token' of the first one too." },
    {
      args: ['--url', 'http://h', '--token', jwt('a'), '--other-token', jwt('a')],
      sentence: "error: options '--token' and '--other-token' name the same user: give '--other-token' of another one.",
    },
    {
      args: ['--url', 'http://h'],
      env: { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
      sentence: 'AWS credentials are set, but no region to sign for is known: give --region, or set AWS_REGION.',
    },
    {
      args: ['--url', 'http://h'],
      env: { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: '' },
      sentence: 'AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not: set both, or neither.',
    },
  ])('$args ends with a sentence and code 1', async ({ args, sentence, env }) => {
    expect(await runSmoke(args, env)).toEqual({ code: 1, stdout: '', stderr: `${sentence}\n` });
  });
});

describe('npm run smoke, on an API that fails', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
    server?.closeAllConnections();
  });

  /** An API that answers each route by turns as listed, the last one for ever; notes what it was asked. */
  async function api(answers: Record<string, [status: number, body: object | string][]>): Promise<{ url: string; asked: string[] }> {
    const asked: string[] = [];
    server = createServer((request, response) => {
      const route = /\/([a-z-]+)(?:\?|$)/.exec(request.url ?? '')?.[1] ?? '';
      asked.push(route);
      const turns = answers[route] ?? [];
      const [status, body] = (turns.length > 1 ? turns.shift() : turns[0]) ?? [404, { message: 'Not Found' }];
      response.writeHead(status, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
  }

  const done = (data: object) => ({ success: true, message: 'ok', data });
  const opened: [number, object][] = [[200, done({ stock: 1 })]];
  const fault: [number, object] = [503, { success: false, message: 'later', error: { code: 'UNAVAILABLE' }, requestId: 'r-1' }];

  test('asks again when it is told to come later, and says so in the end', async () => {
    const { url, asked } = await api({ 'init-stock': [fault, ...opened], join: [fault], control: [[200, done({ state: 'CLOSED' })]] });
    const { code, stdout, stderr } = await runSmoke(['--url', url]);
    expect(stderr).toBe(
      'The step "join" (POST join) expected WAITING at position 1, but 503 came, UNAVAILABLE "later" (request r-1): ' +
        'look for the request in the log of the function join, and at the state of Redis.\n',
    );
    expect(asked).toEqual(['init-stock', 'init-stock', 'join', 'join', 'join', 'control', 'control']);
    expect(stdout).toContain('clean up   nothing is left behind');
    expect(code).toBe(1);
  });

  test('fails at sums that do not add up', async () => {
    const { url } = await api({
      'init-stock': opened,
      join: [[200, done({ status: 'WAITING', position: 1 })], [409, { error: { code: 'SOLD_OUT' } }]],
      status: [[200, done({ status: 'PROCESSING', position: 0 })], [200, done({ status: 'COMPLETED', position: 0 })]],
      info: [[200, done({ initialStock: 1, currentStock: -1, completedCount: 2, processingCount: 0, queueSize: 0, failedCount: 0, state: 'OPEN' })]],
      control: [[200, done({ state: 'CLOSED' })]],
    });
    const { stdout, stderr } = await runSmoke(['--url', url]);
    expect(stderr).toMatch(/^The step "info" \(GET info\) expected 1 coupon issued, none left, nobody waiting, nobody failed, but 200 came, .*"currentStock":-1.*\.\n$/);
    expect(stdout).toMatch(/ok +sold out +409 SOLD_OUT/);
  });

  test('fails when a latecomer gets a place, and when the user loses', async () => {
    const won = { 'init-stock': opened, control: opened };
    const place: [number, object][] = [[200, done({ status: 'WAITING', position: 1 })]];
    const first = await api({ ...won, join: place, status: [[200, done({ status: 'COMPLETED' })]] });
    expect((await runSmoke(['--url', first.url])).stderr).toMatch(/^The step "sold out" \(POST join\) expected 409 SOLD_OUT, but 200 came/);
    server?.close();
    const second = await api({ ...won, join: place, status: [[200, done({ status: 'FAILED' })]] });
    expect((await runSmoke(['--url', second.url])).stderr).toMatch(/^The step "coupon" \(GET status\) expected COMPLETED within 180 s, but 200 came, .*"FAILED"/);
  });

  test('says that nothing answers, and what may be left', async () => {
    const { code, stdout, stderr } = await runSmoke(['--url', 'http://127.0.0.1:1']);
    expect(stderr).toMatch(/^The step "open" \(POST init-stock\) expected a stock of 1, but there was no answer \(.+\): check --url, and whether the stage is deployed\.\n$/);
    expect(stdout).toMatch(/^failed {3}clean up {3}promotion smoke-\S+ may be left \(there was no answer \(.+\)\): close and remove it$/m);
    expect(code).toBe(1);
  });

  test('says so when something else answers at the address, in words that can not steer the terminal', async () => {
    const page: [number, string][] = [[200, '<html>\u001b[2Jhello']];
    const { url } = await api({ 'init-stock': page, control: page });
    const { stdout, stderr } = await runSmoke(['--url', url]);
    expect(stderr).toBe('The step "open" (POST init-stock) expected a stock of 1, but 200 came, "<html> [2Jhello": check that --url is the ApiUrl of the stage, without a path.\n');
    expect(stdout).toMatch(/^failed {3}clean up {3}promotion smoke-\S+ may be left \(200 came, "<html> \[2Jhello"\): close and remove it$/m);
  });

  test('takes no first place of a user who does not wait', async () => {
    const { url } = await api({ 'init-stock': opened, join: [[200, done({ status: 'FAILED', position: 1 })]], control: opened });
    expect((await runSmoke(['--url', url])).stderr).toMatch(/^The step "join" \(POST join\) expected WAITING at position 1, but 200 came/);
  });

  test('names the option whose token is refused', async () => {
    const refused: [number, object] = [401, { message: 'Unauthorized' }];
    const { url } = await api({
      'init-stock': opened,
      join: [[200, done({ status: 'WAITING', position: 1 })], refused],
      status: [[200, done({ status: 'COMPLETED' })]],
      control: opened,
    });
    const { stderr } = await runSmoke(['--url', url, '--token', jwt('a'), '--other-token', jwt('b')]);
    expect(stderr).toMatch(/^The step "sold out" .* get a new token for --other-token, /);
  });

  test('cleans up when it is broken off', async () => {
    const { url, asked } = await api({ 'init-stock': opened, join: [[200, done({ status: 'WAITING', position: 1 })]], status: [[200, done({ status: 'WAITING' })]], control: opened });
    const ended = new Promise<Ended>((resolve) => {
      const child = execFile(process.execPath, [SMOKE, '--url', url], (error, stdout, stderr) => resolve({ code: Number(error?.code), stdout, stderr }));
      child.stdout?.on('data', (text: string) => text.includes('join') && child.kill('SIGINT'));
    });
    expect(await ended).toMatchObject({ code: 1, stderr: 'The smoke test was broken off.\n', stdout: expect.stringContaining('nothing is left behind') });
    expect(asked.slice(-2)).toEqual(['control', 'control']);
  });
});

test('the address of an API says for which region to sign', () => {
  expect(regionOf(new URL('https://abc123.execute-api.ap-northeast-2.amazonaws.com/'))).toBe('ap-northeast-2');
  expect(regionOf(new URL('https://coupons.example.com'))).toBeUndefined();
});

test('the session token of a role is signed and sent', async () => {
  const unsigned = { method: 'GET' as const, url: new URL('https://h/info?promotionId=1'), headers: {}, body: undefined };
  const headers = await signedHeaders(unsigned, { accessKeyId: 'a', secretAccessKey: 'b', sessionToken: 't' }, 'eu-west-1');
  expect(headers).toMatchObject({ 'x-amz-security-token': 't', authorization: expect.stringMatching(/\/eu-west-1\/execute-api\/.*x-amz-security-token/) });
});
