import { RootConstruct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { checkCorsOrigins, readAuth } from '../../lib/callers.ts';
import { stages, TOKEN_SCOPES, type Stage } from '../../lib/stages.ts';

const issuer = 'https://cognito-idp.ap-northeast-2.amazonaws.com/ap-northeast-2_Example';
const closed = { issuer, audience: ['app'], scopes: { join: 'queue/join', status: 'queue/status' } };

function read(name: 'dev' | 'prod', auth: Stage['auth'], context: Record<string, unknown> = {}) {
  const { node } = new RootConstruct();
  for (const [key, value] of Object.entries(context)) node.setContext(key, value);
  return readAuth(node, name, auth);
}

describe('who may call', () => {
  test('is anyone only in dev', () => {
    expect(read('dev', 'none')).toBe('none');
    expect(() => read('prod', 'none')).toThrow(/^The stage prod has auth 'none', with which anyone can act as any user .* so give it an issuer, an audience and scopes in lib\/stages\.ts\.$/);
  });

  test('is what the stage says', () => {
    expect(read('prod', closed)).toEqual(closed);
  });

  test('is what the context says, where it does', () => {
    expect(read('prod', stages.prod.auth, { issuer, audience: 'ios,android' })).toEqual({ issuer, audience: ['ios', 'android'], scopes: TOKEN_SCOPES });
    expect(read('prod', closed, { issuer: 'https://dev.example.com/' })).toEqual({ ...closed, issuer: 'https://dev.example.com/' });
    expect(read('dev', 'none', { issuer, audience: 'app' })).toEqual({ issuer, audience: ['app'], scopes: TOKEN_SCOPES });
  });

  test.each<[string, Stage['auth'], object]>([
    ['nothing', stages.prod.auth, {}],
    ['no audience', stages.prod.auth, { issuer }],
    ['no issuer', stages.prod.auth, { audience: 'app' }],
    ['an issuer alone in an open stage', 'none', { issuer }],
    ['an audience alone in an open stage', 'none', { audience: 'app' }],
    ['an empty issuer', closed, { issuer: '' }],
  ])('can\'t be told from %s', (_, auth, context) => {
    for (const name of ['dev', 'prod'] as const) {
      expect(() => read(name, auth, { ...context })).toThrow(`The stage ${name} does not say whose tokens it takes: set auth.issuer and auth.audience in lib/stages.ts, or give -c issuer=`);
    }
  });

  test.each(['http://issuer.example.com', 'issuer.example.com', 'https://', 'https://user:secret@issuer.example.com', `${issuer}?a=b`, `${issuer}#a`, ' https://a.b', 'ftp://a.b'])('refuses the issuer %j', (wrong) => {
    expect(() => read('prod', { ...closed, issuer: wrong })).toThrow(/^The issuer of the stage prod is ".*", but must be the iss of its tokens: an https:\/\/ URL without user, query or fragment\.$/);
  });

  test.each(['', 'a b', '*,'])('refuses the audience %j', (audience) => {
    expect(() => read('prod', closed, { audience })).toThrow(/^The stage prod has the audience "[^"]*", but each must be a text without spaces, the aud or client_id of its tokens\.$/);
  });

  test.each(['', 'a b', 'a"b', '김'])('refuses the scope %j', (join) => {
    expect(() => read('prod', { ...closed, scopes: { ...closed.scopes, join } })).toThrow(/as scope of join, but must have one, such as coupon-queue\/join: without it an ID token would do\.$/);
  });

  test.each([7, true, ['app']])('refuses %j as a context value', (audience) => {
    expect(() => read('prod', closed, { audience })).toThrow(/^The context value audience is .+, but must be a text \(-c audience=…\)\.$/);
  });
});

describe('web pages that may call', () => {
  test.each([[[]], [['https://shop.example.com', 'http://localhost:5173']]])('may be %j', (origins) => {
    expect(() => checkCorsOrigins('prod', origins)).not.toThrow();
  });

  test.each(['*', 'https://*', 'https://*.example.com', 'https://shop.example.com/', 'https://shop.example.com/a', 'https://Shop.example.com', 'shop.example.com', 'null', ''])('must not be %j', (origin) => {
    expect(() => checkCorsOrigins('prod', ['https://a.example.com', origin])).toThrow(/^The stage prod has .+ in corsOrigins, but each must be one exact origin in lower case, such as https:\/\/shop\.example\.com, without a path or \*\.$/);
  });

  test('are none, until a stage lists some', () => {
    expect([stages.dev.corsOrigins, stages.prod.corsOrigins]).toEqual([[], []]);
  });
});
