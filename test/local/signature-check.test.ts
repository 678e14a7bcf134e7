import { expect, it } from 'vitest';
import { signedHeaders, type Signing, type Unsigned } from '../signed-request.ts';
import { gatedApiForFile, send } from './gated-api.ts';

const start = gatedApiForFile();
/** A time as in x-amz-date. */
const amzTime = (): string => new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
const body = '{"promotionId":1,"stock":10}';
const json = { 'content-type': 'application/json' };
const post = (url: string, sent = body): Unsigned => ({ method: 'POST', url: `${url}/signed`, headers: json, body: sent });

it.each<[string, (url: string) => Unsigned, Signing]>([
  ['a POST with a body', post, {}],
  ['the hash of the body in a header', post, { hashHeader: true }],
  ['a GET with a query', (url) => ({ method: 'GET', url: `${url}/signed?promotionId=1` }), {}],
  ['a query out of order, repeated and with characters of all kinds', (url) => ({ method: 'GET', url: `${url}/signed?b=2&a=%EA%B9%80&b=1&a-=~!*'()&c=%20%2B/%3D&d` }), {}],
  ['headers with spaces', (url) => ({ ...post(url), headers: { ...json, 'x-amz-meta': ' a   b  ' } }), {}],
  ['a clock that is 4 minutes slow', post, { ageMs: 240_000 }],
  ['a clock that is 4 minutes fast', post, { ageMs: -240_000 }],
])("admits what AWS's own signer makes: %s", async (_what, unsigned, signing) => {
  const { api, auth, refusals } = await start();
  const request = unsigned(api.url);
  const answer = await send(request.method, request.url, await signedHeaders(auth.operator, request, signing), request.body);
  expect(refusals).toEqual([]);
  expect(answer.status).toBe(200);
  expect(answer.body.requestContext?.authorizer).toEqual({
    iam: expect.objectContaining({ accessKey: auth.operator.accessKeyId, accountId: '000000000000', userArn: 'arn:aws:iam::000000000000:user/operator' }),
  });
});

it.each<[string, string, Signing & { key?: object; headers?: Record<string, string>; change?: (headers: Record<string, string>) => Record<string, string | string[]>; sent?: string; path?: string }]>([
  ['another body', 'the signature is not that of the request', { sent: '{"promotionId":1,"stock":9}' }],
  ['another body under a signed hash', 'the signature is not that of the request', { hashHeader: true, sent: '{"promotionId":1,"stock":9}' }],
  ['a body that was signed as unsigned', 'the signature is not that of the request', { headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } }],
  ['another path', 'the signature is not that of the request', { path: '/other' }],
  ['another query', 'the signature is not that of the request', { path: '/signed?x=1' }],
  ['another type', 'the signature is not that of the request', { change: (headers) => ({ ...headers, 'content-type': 'text/plain' }) }],
  ['another host', 'the signature is not that of the request', { change: (headers) => ({ ...headers, host: 'elsewhere' }) }],
  ['another secret', 'the signature is not that of the request', { key: { secretAccessKey: 'x' } }],
  ['another access key', 'the access key is unknown', { key: { accessKeyId: 'AKIDEXAMPLE' } }],
  ['a time 5 minutes ago', 'the signature is more than 5 minutes from the present', { ageMs: 305_000 }],
  ['a time in 5 minutes', 'the signature is more than 5 minutes from the present', { ageMs: -305_000 }],
  ['a newer time put in', 'the signature is not that of the request', { ageMs: 200_000, change: (headers) => ({ ...headers, 'x-amz-date': amzTime() }) }],
  ['a day put in', 'the day of the signature is not that of its x-amz-date', { ageMs: 86_400_000, change: (headers) => ({ ...headers, 'x-amz-date': amzTime() }) }],
  ['no time', 'the day of the signature is not that of its x-amz-date', { change: (headers) => Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'x-amz-date')) }],
  ['another region', 'the signature is not for us-east-1/execute-api/aws4_request', { region: 'ap-northeast-2' }],
  ['another service', 'the signature is not for us-east-1/execute-api/aws4_request', { service: 's3' }],
  ['an x-amz header that was added', 'the host or an x-amz header is not signed', { change: (headers) => ({ ...headers, 'x-amz-target': 'x' }) }],
  ['a host that is not signed', 'the host or an x-amz header is not signed', { change: (headers) => ({ ...headers, authorization: (headers['authorization'] ?? '').replace(';host', '') }) }],
  ['a session that nobody has', 'the security token is unknown', { sessionToken: 'session' }],
  ['no signature', 'there is no signature', { change: () => json }],
  ['two signatures', 'there is no signature', { change: (headers) => ({ ...headers, authorization: [headers['authorization'] ?? '', headers['authorization'] ?? ''] }) }],
  ['a signature in the query', 'there is no signature', { change: () => json, path: '/signed?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00' }],
  ['an older version', 'the Authorization header is no signature of version 4', { change: (headers) => ({ ...headers, authorization: 'AWS3-HTTPS AWSAccessKeyId=x' }) }],
  ['a signature cut short', 'the Authorization header is no signature of version 4', { change: (headers) => ({ ...headers, authorization: (headers['authorization'] ?? '').slice(0, -2) }) }],
  ['no list of headers', 'the Authorization header is no signature of version 4', { change: (headers) => ({ ...headers, authorization: (headers['authorization'] ?? '').replace('SignedHeaders', 'Headers') }) }],
  ['a header that is signed and not sent', 'a header that was signed is missing', { change: (headers) => ({ ...headers, authorization: (headers['authorization'] ?? '').replace('SignedHeaders=', 'SignedHeaders=accept-charset;') }) }],
  ['a query that is no query', 'the query is not percent-encoded', { path: '/signed?a=%' }],
])('refuses %s', async (_what, reason, { key, headers: more, change = (headers) => headers, sent = body, path = '/signed', ...signing }) => {
  const { api, auth, refusals, calls } = await start();
  const signed = { ...post(api.url), ...(path === '/other' && { url: `${api.url}/other` }), headers: { ...json, ...more } };
  const headers = change(await signedHeaders({ ...auth.operator, ...key }, signed, signing));
  const answer = await send('POST', api.url + (path === '/other' ? '/signed' : path), headers, sent);
  expect([answer.status, answer.body, calls()]).toEqual([403, { message: 'Forbidden' }, 0]);
  expect(refusals).toEqual([expect.stringMatching(`^POST /signed was refused with 403 \\(.+\\): ${reason.replaceAll('/', '\\/')}\\.$`)]);
});
