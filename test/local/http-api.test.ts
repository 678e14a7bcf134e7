import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import type { InvokeResult } from '../../local/function-process.ts';
import { checkPort, startHttpApi, type HttpApi } from '../../local/http-api.ts';

type Invoke = (payload: string, waitMsMax: number) => Promise<InvokeResult>;

async function start(invoke: Invoke, timeoutMs = 5000): Promise<HttpApi> {
  const api = await startHttpApi([{ method: 'POST', path: '/task', timeoutMs, invoke }], 0);
  onTestFinished(() => api.stop(0));
  return api;
}

const answering = (value: unknown): Invoke => async () => ({ outcome: 'answered', payload: JSON.stringify(value) });
const post = (api: HttpApi, body = '{}'): Promise<Response> =>
  fetch(`${api.url}/task`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
/** Sends what no proper client would. */
const send = (api: HttpApi, bytes: string): Socket => {
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  socket.write(bytes);
  return socket;
};
const seen = async (response: Response): Promise<unknown> => [response.status, await response.json()];

it('calls the function of a route and answers what it answers', async () => {
  let event: unknown;
  const api = await start(async (payload) => {
    event = JSON.parse(payload);
    return { outcome: 'answered', payload: JSON.stringify({ statusCode: 201, headers: { 'x-own': '1' }, body: '쿠폰' }) };
  });
  const response = await post(api, '{"a":1}');
  expect([response.status, await response.text(), response.headers.get('x-own')]).toEqual([201, '쿠폰', '1']);
  const requestId = response.headers.get('apigw-requestid');
  expect(requestId).toBeTruthy();
  expect(event).toMatchObject({ routeKey: 'POST /task', body: '{"a":1}', requestContext: { requestId } });
});

it.each([
  ['GET', '/task'],
  ['POST', '/task/'],
  ['POST', '/WORK'],
  ['POST', '/other?x=/task'],
  ['OPTIONS', '/task'],
])('answers 404 to %s %s', async (method, path) => {
  const api = await start(answering({}));
  expect(await seen(await fetch(api.url + path, { method }))).toEqual([404, { message: 'Not Found' }]);
});

it('answers 404 to HEAD', async () => {
  const api = await start(answering({}));
  expect((await fetch(`${api.url}/task`, { method: 'HEAD' })).status).toBe(404);
});

it.each<[string, InvokeResult, unknown]>([
  ['failed', { outcome: 'failed', error: { errorType: 'E', errorMessage: 'secret' } }, [500, { message: 'Internal Server Error' }]],
  ['timed out', { outcome: 'timed-out', error: { errorType: 'E', errorMessage: 'secret' } }, [503, { message: 'Service Unavailable' }]],
  ['was throttled', { outcome: 'throttled' }, [503, { message: 'Service Unavailable' }]],
  ['answered no JSON', { outcome: 'answered', payload: 'x' }, [500, { message: 'Internal Server Error' }]],
  [
    'answered a header that HTTP forbids',
    { outcome: 'answered', payload: '{"statusCode":200,"headers":{"a b":"c"}}' },
    [500, { message: 'Internal Server Error' }],
  ],
])('says nothing of the inside when a function %s', async (_what, result, expected) => {
  const api = await start(async () => result);
  expect(await seen(await post(api))).toEqual(expected);
});

it('survives a check of callers that breaks, and says so in the log only', async () => {
  const said: string[] = [];
  const admit = () => {
    throw new Error('secret');
  };
  const invoke = answering({});
  const api = await startHttpApi([{ method: 'POST', path: '/task', timeoutMs: 5000, admit, invoke }], 0, { refused: (sentence) => said.push(sentence) });
  onTestFinished(() => api.stop(0));
  for (let i = 0; i < 2; i++) expect(await seen(await post(api))).toEqual([500, { message: 'Internal Server Error' }]);
  expect(said).toEqual(Array.from({ length: 2 }, () => expect.stringMatching(/^POST \/task was answered 500 \(.+\), a fault of the local run: secret\.$/)));
});

it('gives up on a function when the integration timeout is over', async () => {
  const api = await start(() => new Promise(() => {}), 50);
  expect(await seen(await post(api))).toEqual([503, { message: 'Service Unavailable' }]);
});

it.each([
  ['API Gateway', 10_000_001],
  ['Lambda', 6_400_000],
])('answers 413 to a body that is larger than %s takes', async (_whose, bytes) => {
  const api = await start(answering({}));
  expect(await seen(await post(api, 'x'.repeat(bytes)))).toEqual([413, { message: 'Request Entity Too Large' }]);
});

it('refuses large headers and what is not HTTP', async () => {
  const api = await start(answering({}));
  const large = await fetch(`${api.url}/task`, { headers: { large: 'x'.repeat(11_000) } });
  expect(await seen(large)).toEqual([431, { message: 'Request Header Fields Too Large' }]);
  expect(await text(send(api, 'nonsense\r\n\r\n').end())).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[^]*{"message":"Bad Request"}$/);
});

it.each([
  ['has no host', 'POST /task HTTP/1.1\r\nconnection: close\r\n\r\n', '400 Bad Request'],
  ['expects what there is not', 'POST /task HTTP/1.1\r\nhost: a\r\nexpect: foo\r\ncontent-length: 9\r\n\r\n', '417 Expectation Failed'],
])('refuses a request that %s', async (_what, request, status) => {
  const api = await start(answering({}));
  expect(await text(send(api, request))).toMatch(new RegExp(`^HTTP/1\\.1 ${status}\r\n[^]*{"message":"${status.slice(4)}"}$`));
});

it('answers HTTP/1.0 without a host', async () => {
  const api = await start(answering({ done: true }));
  expect(await text(send(api, 'POST /task HTTP/1.0\r\n\r\n'))).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*{"done":true}$/);
});

it.each([
  ['its headers', 'POST /task HTTP/1.1\r\nhost: a\r\n'],
  ['its body', 'POST /task HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{'],
])('gives a client that does not send %s only so much time', async (_what, request) => {
  const api = await startHttpApi([{ method: 'POST', path: '/task', timeoutMs: 5000, invoke: answering({}) }], 0, { requestTimeoutMs: 50 });
  onTestFinished(() => api.stop(0));
  expect(await text(send(api, request))).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n[^]*{"message":"Request Timeout"}$/);
});

it('lets requests under way end when it stops, within bounds', async () => {
  let finish: (result: InvokeResult) => void = () => {};
  const called = Promise.withResolvers<void>();
  const api = await start((payload) => {
    called.resolve();
    return new Promise((resolve) => (finish = payload.includes('hang') ? () => {} : resolve));
  });
  const response = post(api);
  await called.promise;
  const stopped = api.stop(5000);
  finish({ outcome: 'answered', payload: '{"done":true}' });
  expect(await seen(await response)).toEqual([200, { done: true }]);
  await stopped;
  await expect(post(api)).rejects.toThrow('fetch failed');
});

it('cuts off requests that do not end in time when it stops', async () => {
  const called = Promise.withResolvers<void>();
  const api = await start(() => {
    called.resolve();
    return new Promise(() => {});
  });
  const cutOff = post(api).catch(String);
  await called.promise;
  await api.stop(30);
  expect(await cutOff).toBe('TypeError: fetch failed');
});

it('says what to do about a port that is taken', async () => {
  const api = await start(answering({}));
  const port = Number(new URL(api.url).port);
  await expect(checkPort(port)).rejects.toThrow(`Port ${port} is taken: stop what listens there, or choose another with PORT=….`);
});

const cors = { origins: ['https://shop.example.com'], methods: ['GET', 'POST'], headers: ['authorization'], exposedHeaders: ['retry-after'], maxAgeSeconds: 60 };
/** Sends what a browser would, and answers the status and the headers that count for it; fetch would keep the origin to itself. */
async function asPage(options: { cors?: typeof cors }, method: string, origin: string | undefined, path = '/task') {
  const ownCors = { 'access-control-allow-origin': '*', 'access-control-allow-credentials': 'true', 'x-own': '1' };
  const invoke = answering({ statusCode: 200, headers: ownCors, body: '{}' });
  const api = await startHttpApi([{ method: 'POST', path: '/task', timeoutMs: 5000, invoke }], 0, options);
  onTestFinished(() => api.stop(0));
  const lines = [`${method} ${path} HTTP/1.1`, 'host: a', 'connection: close', 'access-control-request-method: POST', ...(origin === undefined ? [] : [`origin: ${origin}`])];
  const answer = await text(send(api, `${lines.join('\r\n')}\r\n\r\n`));
  const headers = [...answer.matchAll(/^(access-control-[a-z-]+|content-length): (.*)\r$/gm)].map(([, name = '', value = '']) => [name, value] as const);
  return { status: Number(answer.split(' ')[1]), headers: Object.fromEntries(headers) };
}

it.each(['/task', '/nowhere'])('lets a page that is listed ask whether it may call %s', async (path) => {
  expect(await asPage({ cors }, 'OPTIONS', 'https://shop.example.com', path)).toEqual({
    status: 204,
    headers: {
      'access-control-allow-origin': 'https://shop.example.com',
      'access-control-allow-methods': 'GET,POST',
      'access-control-allow-headers': 'authorization',
      'access-control-max-age': '60',
    },
  });
});

it.each(['https://shop.example.com.evil.com', 'http://shop.example.com', 'https://shop.example.com:444', 'null', '*'])('permits nothing to a page of %s', async (origin) => {
  expect(await asPage({ cors }, 'OPTIONS', origin)).toEqual({ status: 204, headers: {} });
  expect(await asPage({ cors }, 'POST', origin)).toEqual({ status: 200, headers: { 'content-length': '2' } });
});

it('lets a page that is listed read the answer, whatever the function says of that', async () => {
  expect(await asPage({ cors }, 'POST', 'https://shop.example.com')).toEqual({
    status: 200,
    headers: { 'access-control-allow-origin': 'https://shop.example.com', 'access-control-expose-headers': 'retry-after', 'content-length': '2' },
  });
});

it('answers 404 to a page that asks where none is listed', async () => {
  expect(await asPage({}, 'OPTIONS', 'https://shop.example.com')).toMatchObject({ status: 404 });
});
