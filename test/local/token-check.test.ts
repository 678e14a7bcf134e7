import { exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { expect, it } from 'vitest';
import { mintToken, type Auth } from '../../local/auth-file.ts';
import { gatedApiForFile, ISSUER, send } from './gated-api.ts';

const start = gatedApiForFile();
const good = (): JWTPayload => ({ iss: ISSUER, aud: 'app', sub: 'user1', scope: 'queue/join' });
const nowSeconds = (): number => Math.floor(Date.now() / 1000);

/** Signs with the issuer's own key, unless the header or the key is another. */
async function sign(auth: Auth, claims: JWTPayload, header: object = {}, key?: Parameters<SignJWT['sign']>[0]): Promise<string> {
  const token = new SignJWT({ exp: nowSeconds() + 60, iat: nowSeconds(), ...claims }).setProtectedHeader({ alg: 'RS256', kid: auth.signingKey.kid, ...header });
  return token.sign(key ?? (await importJWK(auth.signingKey)));
}

it('admits a good one, and tells the function who it names', async () => {
  const { api, auth, refusals } = await start();
  const token = await mintToken(auth, 'user1', ['queue/status', 'queue/join']);
  const { status, body } = await send('GET', `${api.url}/token`, { authorization: `Bearer ${token}` });
  expect(status).toBe(200);
  expect(body.requestContext?.authorizer).toMatchObject({
    jwt: { claims: { sub: 'user1', iss: ISSUER, aud: 'app', scope: 'queue/status queue/join', exp: expect.stringMatching(/^\d+$/) }, scopes: ['queue/join'] },
  });
  expect(refusals).toEqual([]);
});

it.each<[string, JWTPayload]>([
  ['its audience in a list', { ...good(), aud: ['x', 'other-app'] }],
  ['a client_id and no audience', { ...good(), aud: undefined, client_id: 'app' }],
  ['its scopes as a list in scp', { ...good(), scope: undefined, scp: ['queue/join'] }],
])('admits one with %s', async (_what, claims) => {
  const { api, auth } = await start();
  const token = await sign(auth, claims);
  expect(await send('GET', `${api.url}/token`, { authorization: token })).toMatchObject({ status: 200 });
});

it('hands claims over as texts, lists in brackets, null not at all', async () => {
  const { api, auth } = await start();
  const token = await sign(auth, { ...good(), groups: ['a', 'b'], level: 7, none: null, nested: { a: 1 } });
  const { body } = await send('GET', `${api.url}/any-token`, { authorization: `bearer ${token}` });
  const { jwt } = body.requestContext!.authorizer as { jwt: { claims: Record<string, string>; scopes: null } };
  expect(jwt.claims).toMatchObject({ groups: '[a b]', level: '7', nested: '{"a":1}' });
  expect([Object.hasOwn(jwt.claims, 'none'), jwt.scopes]).toEqual([false, null]);
});

it.each<[string, string, (auth: Auth) => Promise<string> | string]>([
  ['expired', 'the token has expired', (auth) => sign(auth, { ...good(), exp: nowSeconds() - 1 })],
  ['that does not expire', 'the token does not have a valid exp', (auth) => sign(auth, { ...good(), exp: undefined })],
  ['not valid yet', 'the token does not have a valid nbf', (auth) => sign(auth, { ...good(), nbf: nowSeconds() + 60 })],
  ['of the future', 'the token was issued in the future', (auth) => sign(auth, { ...good(), iat: nowSeconds() + 60 })],
  ['of another issuer', 'the token does not have a valid iss', (auth) => sign(auth, { ...good(), iss: `${ISSUER}/` })],
  ['of no issuer', 'the token does not have a valid iss', (auth) => sign(auth, { ...good(), iss: undefined })],
  ['for another audience', 'the token does not have a valid audience', (auth) => sign(auth, { ...good(), aud: 'app2', client_id: 'app' })],
  ['for nobody', 'the token does not have a valid audience', (auth) => sign(auth, { ...good(), aud: undefined })],
  ['without a key id', 'the token does not name its key', (auth) => sign(auth, good(), { kid: undefined })],
  ['of an unknown key id', 'the issuer has no such key', (auth) => sign(auth, good(), { kid: 'x' })],
  ["of another key under the issuer's id", 'the signature of the token is not the one of its key', async (auth) => sign(auth, good(), {}, (await generateKeyPair('RS256')).privateKey)],
  ['that brings its own key', 'the signature of the token is not the one of its key', async (auth) => {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    return sign(auth, good(), { jwk: await crypto.subtle.exportKey('jwk', publicKey) }, privateKey);
  }],
  ['of alg none', 'the token is not signed with RSA', () => new UnsecuredJWT({ ...good(), exp: nowSeconds() + 60 }).encode()],
  ['of alg none with a signature', 'the token is not signed with RSA', async (auth) => {
    const [, payload, signature] = (await sign(auth, good())).split('.');
    return `${Buffer.from(JSON.stringify({ alg: 'none', kid: auth.signingKey.kid })).toString('base64url')}.${payload}.${signature}`;
  }],
  ['signed with the public key as a secret', 'the token is not signed with RSA', async (auth) => {
    const { kty, n, e } = auth.signingKey;
    const spki = await exportSPKI((await importJWK({ kty, n, e, alg: 'RS256' }, 'RS256', { extractable: true })) as Parameters<typeof exportSPKI>[0]);
    return sign(auth, good(), { alg: 'HS256' }, Buffer.from(spki));
  }],
  ['with another user put in', 'the signature of the token is not the one of its key', async (auth) => {
    const [header, , signature] = (await sign(auth, good())).split('.');
    return `${header}.${Buffer.from(JSON.stringify({ ...good(), sub: 'victim', exp: nowSeconds() + 60 })).toString('base64url')}.${signature}`;
  }],
  ['that is none', 'the token is malformed', () => 'abc'],
  ['of three dots', 'the token is malformed', () => '..'],
])('refuses one %s', async (_what, reason, tokenOf) => {
  const { api, auth, refusals, calls } = await start();
  const { status, headers, body } = await send('GET', `${api.url}/token`, { authorization: `Bearer ${await tokenOf(auth)}` });
  expect([status, body, calls()]).toEqual([401, { message: 'Unauthorized' }, 0]);
  expect(headers['www-authenticate']).toBe(`Bearer scope="" error="invalid_token" error_description="${reason}"`);
  expect(refusals).toEqual([expect.stringMatching(`^GET /token was refused with 401 \\([0-9a-f-]+\\): ${reason}\\.$`)]);
});

it.each<[string, string | undefined]>([
  ['an ID token, which has no scope', undefined],
  ['another scope', 'queue/status'],
  ['a scope that only begins alike', 'queue/joins queue/join2'],
  ['the scope in other letters', 'QUEUE/JOIN'],
])('answers 403 to %s', async (_what, scope) => {
  const { api, auth, calls } = await start();
  const token = await sign(auth, { ...good(), scope, nonce: 'n', at_hash: 'h' });
  const { status, headers, body } = await send('GET', `${api.url}/token`, { authorization: `Bearer ${token}` });
  expect([status, body, calls()]).toEqual([403, { message: 'Forbidden' }, 0]);
  expect(headers['www-authenticate']).toBe('Bearer scope="queue/join" error="insufficient_scope"');
});

it.each<[string, (token: string) => Record<string, string | string[]>]>([
  ['no header', () => ({})],
  ['an empty one', () => ({ authorization: '' })],
  ['no token after Bearer', () => ({ authorization: 'Bearer ' })],
  ['another scheme', (token) => ({ authorization: `Basic ${token}` })],
  ['two headers', (token) => ({ authorization: [`Bearer ${token}`, `Bearer ${token}`] })],
  ['the token in a cookie', (token) => ({ cookie: `authorization=${token}` })],
])('takes %s for no token', async (_what, headersOf) => {
  const { api, auth, calls } = await start();
  const { status, headers, body } = await send('GET', `${api.url}/token?authorization=x`, headersOf(await mintToken(auth, 'u', ['queue/join'])));
  expect([status, body, calls(), headers['www-authenticate']]).toEqual([401, { message: 'Unauthorized' }, 0, 'Bearer']);
});
