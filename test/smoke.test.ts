import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROMOTIONS_KEY } from '../lambda/queue/keys.ts';
import { mintToken, type Auth } from '../local/auth-file.ts';
import { startSystem, type System } from '../local/system.ts';
import { systemForFile } from './system-for-tests.ts';

const SCOPES = ['coupon-queue/join', 'coupon-queue/status'];
const SMOKE = path.join(import.meta.dirname, '..', 'bin', 'smoke.ts');

interface Ended {
  code: number;
  /** Of each step: how it ended, and its name. */
  steps: string[];
  stdout: string;
  stderr: string;
}

const runSmoke = (args: string[], env: Record<string, string> = {}) =>
  new Promise<Ended>((resolve) => {
    execFile(process.execPath, [SMOKE, ...args], { env: { PATH: process.env.PATH, ...env } }, (error, stdout, stderr) => {
      const steps = [...stdout.matchAll(/^(ok|skipped|failed) +(sold out|clean up|\w+)/gm)].map(([, result, name]) => `${result} ${name}`);
      resolve({ code: error ? Number(error.code) : 0, steps, stdout, stderr });
    });
  });

const ALL_STEPS = ['open', 'join', 'coupon', 'sold out', 'info', 'close', 'remove', 'gone'].map((name) => `ok ${name}`);

describe('npm run smoke, on an open system', () => {
  const open = systemForFile();

  test('runs a promotion from its opening to its end, and leaves nothing', async () => {
    const { code, steps, stdout, stderr } = await runSmoke(['--url', open.system.apiUrl]);
    expect({ code, steps, stderr }).toEqual({ code: 0, steps: ALL_STEPS, stderr: '' });
    expect(stdout).toMatch(/^promotion smoke-\d+-[0-9a-f]{8}$/m);
    expect(stdout).toMatch(/^ok {7}open {7}a stock of 1 \(\d+\.\d\d s\)$/m);
    expect(stdout).toMatch(/^The smoke test of http:\/\/127\.0\.0\.1:\d+ passed in [\d.]+ s\.$/m);
    await expect.poll(() => open.redis.keys('*{smoke-*')).toEqual([]);
    expect(await open.redis.exists(PROMOTIONS_KEY)).toBe(1);
  });

  test('says which step failed when nobody is admitted, and cleans up', async () => {
    // As if the loop were down: what it would visit is not there.
    const hidden = setInterval(() => void open.redis.del(PROMOTIONS_KEY), 5);
    const { code, steps, stderr } = await runSmoke(['--url', open.system.apiUrl, '--wait', '2']).finally(() => clearInterval(hidden));
    expect(stderr).toMatch(
      /^The step "coupon" \(GET status\) expected COMPLETED within 2 s, but 200 came, .*"status":"WAITING".*: nobody was admitted: look at the log of the drain loop, and whether its rule is enabled\.\n$/,
    );
    expect({ code, steps }).toEqual({ code: 1, steps: ['ok open', 'ok join', 'ok clean up'] });
  });
});

describe('npm run smoke, on a system as prod is deployed', () => {
  let dataDir: string;
  let system: System;
  let auth: Auth;
  let operator: Record<string, string>;

  beforeAll(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'coupon-queue-smoke-'));
    system = await startSystem({ dataDir, port: 0, auth: 'jwt', context: { stage: 'prod', drainIntervalMs: '100' } });
    auth = system.auth as Auth;
    operator = { AWS_ACCESS_KEY_ID: auth.operator.accessKeyId, AWS_SECRET_ACCESS_KEY: auth.operator.secretAccessKey, AWS_REGION: 'us-east-1' };
  });
  afterAll(async () => {
    await system?.stop();
    if (dataDir) await rm(dataDir, { recursive: true, force: true });
  });

  const tokenOf = (sub: string, scopes = SCOPES) => mintToken(auth, sub, scopes);
  const run = (args: string[], env = operator) => runSmoke(['--url', system.apiUrl, ...args], env);

  test('passes with two tokens and the key of an operator', async () => {
    expect(await run(['--token', await tokenOf('first'), '--other-token', await tokenOf('second')])).toMatchObject({ code: 0, steps: ALL_STEPS, stderr: '' });
  });

  test('skips the second user, with a line that says so, where there is no second token', async () => {
    const { code, steps, stdout } = await run(['--token', await tokenOf('only')]);
    expect(stdout).toContain('skipped  sold out   it takes a second user: give --other-token\n');
    expect({ code, steps }).toEqual({ code: 0, steps: ALL_STEPS.map((step) => (step === 'ok sold out' ? 'skipped sold out' : step)) });
  });

  test('says what to look at when the operator is refused', async () => {
    const { code, steps, stderr } = await run(['--token', await tokenOf('first')], {});
    expect(stderr.replace(/ \(request [\w-]+\)/, '')).toBe(
      'The step "open" (POST init-stock) expected a stock of 1, but 403 came, "Forbidden": ' +
        "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of a role that has the stage's OperatorPolicyArn, and check --region.\n",
    );
    expect({ code, steps }).toEqual({ code: 1, steps: [] });
    const elsewhere = await run(['--token', await tokenOf('first'), '--region', 'eu-west-1']);
    expect(elsewhere.stderr).toContain('but 403 came, "Forbidden"');
  });

  test('says what to look at when the user is refused, and removes what it opened', async () => {
    const narrow = await run(['--token', await tokenOf('first', ['coupon-queue/status'])]);
    expect(narrow.stderr).toContain('The step "join" (POST join) expected WAITING at position 1, but 403 came, "Forbidden"');
    expect(narrow.steps).toEqual(['ok open', 'ok clean up']);
    const without = await run([]);
    expect(without.stderr).toContain('but 401 came, "Unauthorized"');
    expect(without.stderr).toContain('get a new token for --token');
  });
});
