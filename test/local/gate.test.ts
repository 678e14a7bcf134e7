import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { mintToken, readAuth, type Auth } from '../../local/auth-file.ts';
import { openGate } from '../../local/gate.ts';
import { startTokenIssuer } from '../../local/token-issuer.ts';
import { signedHeaders, type Unsigned } from '../signed-request.ts';
import { byToken, ISSUER, openGateOf, send, startGatedApi } from './gated-api.ts';
import { temporaryDir } from './tiny-assembly.ts';

/** An API behind a gate of its own. */
async function start(dataDir = temporaryDir()) {
  const gate = await openGateOf(dataDir);
  onTestFinished(() => gate.stop());
  return { ...(await startGatedApi(gate)), dataDir };
}

it('takes no token for a signature, and no signature for a token', async () => {
  const { api, auth, calls } = await start();
  const token = await mintToken(auth, 'user1', ['queue/join']);
  expect(await send('POST', `${api.url}/signed`, { authorization: `Bearer ${token}` }, '{}')).toMatchObject({ status: 403 });
  const request: Unsigned = { method: 'GET', url: `${api.url}/token` };
  expect(await send('GET', request.url, await signedHeaders(auth.operator, request))).toMatchObject({ status: 401 });
  expect(calls()).toBe(0);
});

it('fails closed when the keys of the issuer are away', async () => {
  const dataDir = temporaryDir();
  const gate = await openGate([{ admission: byToken }], dataDir);
  gate.stop();
  const admit = gate.admitOf(byToken);
  const token = await mintToken(gate.auth as Auth, 'u', ['queue/join']);
  const verdict = await admit?.({ headersDistinct: { authorization: [token] } } as never, Buffer.alloc(0));
  expect(verdict).toMatchObject({ admitted: false, answer: { status: 500 }, reason: expect.stringMatching(/^the keys of the issuer can't be had/) });
});

it('keys outlive a run, are for their owner alone, and note whose tokens are taken', async () => {
  const first = await start();
  const file = join(first.dataDir, 'auth.json');
  expect(statSync(file).mode & 0o077).toBe(0);
  expect(existsSync(`${file}.new`)).toBe(false);
  const token = await mintToken(first.auth, 'user1', ['queue/join']);
  const second = await start(first.dataDir);
  expect(readAuth(first.dataDir)).toEqual(first.auth);
  expect(first.auth).toMatchObject({ issuer: ISSUER, audience: ['app', 'other-app'], scopes: ['queue/join'] });
  expect(await send('GET', `${second.api.url}/token`, { authorization: token })).toMatchObject({ status: 200 });
});

it('keys are those of one folder only', async () => {
  const [one, other] = [await start(), await start()];
  const token = await mintToken(one.auth, 'user1', ['queue/join']);
  expect(await send('GET', `${other.api.url}/token`, { authorization: token })).toMatchObject({ status: 401 });
  const request: Unsigned = { method: 'GET', url: `${other.api.url}/signed` };
  expect(await send('GET', request.url, await signedHeaders(one.auth.operator, request))).toMatchObject({ status: 403 });
});

it('keys are served by the issuer only in their public half', async () => {
  const { auth } = await start();
  const issuer = await startTokenIssuer(auth);
  onTestFinished(() => issuer.stop());
  const { kty, n, e, alg, use, kid } = auth.signingKey;
  expect(await (await fetch(issuer.keysUrl)).json()).toEqual({ keys: [{ kty, n, e, alg, use, kid }] });
  expect([(await fetch(new URL('/', issuer.keysUrl))).status, (await fetch(issuer.keysUrl, { method: 'POST' })).status]).toEqual([404, 404]);
});

it.each(['', '{}', '{"signingKey":'])('keys that are damaged (%j) stop the start with a sentence', async (text) => {
  const dataDir = temporaryDir();
  writeFileSync(join(dataDir, 'auth.json'), text);
  await expect(start(dataDir)).rejects.toThrow(`${join(dataDir, 'auth.json')} holds no keys that can be read: delete it, and start the local run again.`);
});

it('keys are not made for an API that is open to anyone', async () => {
  const dataDir = temporaryDir();
  const gate = await openGate([{ admission: { kind: 'anyone' } }], dataDir);
  expect([gate.auth, gate.admitOf({ kind: 'anyone' }), existsSync(join(dataDir, 'auth.json'))]).toEqual([undefined, undefined, false]);
});
