import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import * as fc from 'fast-check';
import { Cluster } from 'ioredis';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readAwsIdentity } from '../../lambda/config.ts';
import { type AwsCredentials, signToken, TOKEN_EXPIRES_SECONDS, type TokenSubject } from '../../lambda/queue/redis-token.ts';
import { redisClient } from '../../lambda/redis-client.ts';

/** What AWS's own signer makes of the same request: its parameters, the signature among them. */
async function signedByAws({ user, replicationGroup, region }: TokenSubject, credentials: AwsCredentials, signingDate: Date) {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const signer = new SignatureV4({
    service: 'elasticache',
    region,
    sha256: Sha256,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
  });
  const hostname = replicationGroup.toLowerCase();
  const request = { method: 'GET', protocol: 'https:', hostname, path: '/', query: { Action: 'connect', User: user }, headers: { host: hostname } };
  const { query } = await signer.presign(request, { expiresIn: 900, signingDate });
  return query;
}

const parametersOf = (token: string) => Object.fromEntries(new URL(`https://${token}`).searchParams);

const subject: TokenSubject = { user: 'coupon-queue-dev-join', replicationGroup: 'Cou-Re-1abc', region: 'ap-northeast-2' };
const credentials: AwsCredentials = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'secret/+=', sessionToken: 'IQoJb3JpZ2luX2VjEJ//+a==' };
const now = new Date('2026-11-23T12:34:56.789Z');

describe('the token', () => {
  test("is signed as AWS's own signer signs it", async () => {
    expect(parametersOf(signToken(subject, credentials, now))).toEqual(await signedByAws(subject, credentials, now));
  });

  test('also for any user, group, region, time and credentials, with and without a session', async () => {
    const id = fc.stringMatching(/^[a-z][a-z0-9-]{0,39}$/);
    const text = fc.string({ minLength: 1, maxLength: 40 });
    const given = fc.record({
      subject: fc.record({ user: id, replicationGroup: fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,39}$/), region: fc.constantFrom('us-east-1', 'ap-northeast-2', 'us-gov-west-1') }),
      credentials: fc.record({ accessKeyId: fc.stringMatching(/^[A-Z0-9]{16,20}$/), secretAccessKey: text, sessionToken: fc.option(text, { nil: undefined }) }),
      at: fc.date({ min: new Date('2020-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }),
    });
    await fc.assert(
      fc.asyncProperty(given, async ({ subject, credentials, at }) => {
        expect(parametersOf(signToken(subject, credentials, at))).toEqual(await signedByAws(subject, credentials, at));
      }),
      { numRuns: 200 },
    );
  });

  test('is the request without its https://, good for a quarter of an hour, and names the replication group in lower case', () => {
    const token = signToken(subject, credentials, now);
    expect(token).toMatch(/^cou-re-1abc\/\?Action=connect&User=coupon-queue-dev-join&X-Amz-Algorithm=AWS4-HMAC-SHA256&/);
    expect(TOKEN_EXPIRES_SECONDS).toBe(15 * 60);
    expect(parametersOf(token)).toMatchObject({ 'X-Amz-Expires': '900', 'X-Amz-Date': '20261123T123456Z' });
  });
});

describe('the client of a function', () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
  });
  const asked = { REDIS_URL: 'rediss://redis.invalid:6379', REDIS_MODE: 'cluster', REDIS_AUTH: 'iam:someone@some-group' } as const;

  /** The options with which a client would open a connection to a node. */
  async function optionsOf(client: ReturnType<typeof redisClient>) {
    expect(client).toBeInstanceOf(Cluster);
    const { promise, resolve } = Promise.withResolvers<{ options: { username?: string; password?: string } }>();
    client.once('+node', resolve);
    client.connect().catch(() => undefined);
    const { options } = await promise;
    client.disconnect();
    return options;
  }

  test('signs a token anew for each connection, with the credentials of that moment', async () => {
    vi.useFakeTimers({ now, toFake: ['Date'] });
    for (const [name, value] of Object.entries({ AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'first', AWS_SECRET_ACCESS_KEY: 'one', AWS_SESSION_TOKEN: 'session' })) vi.stubEnv(name, value);
    const options = await optionsOf(redisClient(asked));
    const subject = { user: 'someone', replicationGroup: 'some-group', region: 'eu-west-1' };
    expect(options.username).toBe('someone');
    expect(options.password).toBe(signToken(subject, { accessKeyId: 'first', secretAccessKey: 'one', sessionToken: 'session' }, now));
    const later = new Date(now.getTime() + 12 * 3_600_000);
    vi.setSystemTime(later);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'second');
    expect(options.password).toBe(signToken(subject, { accessKeyId: 'second', secretAccessKey: 'one', sessionToken: 'session' }, later));
  });

  test('signs in as nobody where the environment says none', async () => {
    const options = await optionsOf(redisClient({ ...asked, REDIS_AUTH: 'none' }));
    expect(options).toMatchObject({ username: null, password: null });
  });

  test('never sends a token in plain text', () => {
    expect(() => redisClient({ ...asked, REDIS_URL: 'redis://redis.invalid:6379' })).toThrow('REDIS_AUTH asks for IAM, so REDIS_URL must be a rediss:// URL: a token is not sent in plain text.');
  });

  test('says at once which credentials it lacks', () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    expect(() => redisClient(asked)).toThrow('REDIS_AUTH asks for IAM, but the environment has no AWS_ACCESS_KEY_ID');
    expect(() => readAwsIdentity({})).toThrow('no AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY:');
  });
});
