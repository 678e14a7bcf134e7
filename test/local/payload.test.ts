import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { toEvent, toHttpAnswer } from '../../local/payload.ts';

interface Event extends Record<string, unknown> {
  headers: Record<string, string>;
  requestContext: Record<string, unknown> & { http: Record<string, string> };
}

/** Sends a request over a real connection and answers the event that is made of it. */
async function eventOf(options: { method?: string; path?: string; headers?: Record<string, string | string[]>; body?: string | Buffer }): Promise<Event> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close().closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const { method = 'POST', path = '/join', headers = {}, body = '' } = options;
  httpRequest({ host: '127.0.0.1', port, method, path, headers }).on('error', () => {}).end(body);
  const [request] = (await once(server, 'request')) as [IncomingMessage];
  const chunks = await request.toArray();
  return JSON.parse(toEvent(request, `${method} /join`, 'id-1', Buffer.concat(chunks as Buffer[]))) as Event;
}

const bodyOf = async (contentType: string | undefined, body: string | Buffer): Promise<unknown> => {
  const event = await eventOf({ headers: contentType === undefined ? {} : { 'content-type': contentType }, body });
  return [event.isBase64Encoded, event.body];
};

it('has the fields of payload format 2.0', async () => {
  const event = await eventOf({ headers: { 'X-Mixed': 'Case', 'user-agent': 'phone' }, path: '/join?b=2&a=%20x' });
  expect(event).toMatchObject({
    version: '2.0',
    routeKey: 'POST /join',
    rawPath: '/join',
    rawQueryString: 'b=2&a=%20x',
    queryStringParameters: { a: ' x', b: '2' },
    isBase64Encoded: false,
    headers: { 'x-mixed': 'Case', 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' },
    requestContext: {
      requestId: 'id-1',
      stage: '$default',
      http: { method: 'POST', path: '/join', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'phone' },
    },
  });
  expect(event.requestContext.time).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
  expect(event).not.toHaveProperty('body');
  expect(event).not.toHaveProperty('cookies');
});

it('leaves out what is not there', async () => {
  expect(await eventOf({ method: 'GET' })).not.toHaveProperty('queryStringParameters');
});

it('joins what comes twice by a comma, and keeps cookies apart', async () => {
  const event = await eventOf({ path: '/join?id=1&id=2&__proto__=x', headers: { accept: ['a', 'b'], cookie: 'c=1; d=2' } });
  expect(event.queryStringParameters).toEqual(JSON.parse('{"id":"1,2","__proto__":"x"}'));
  expect(event.headers.accept).toMatch(/^a, ?b$/);
  expect(event.cookies).toEqual(['c=1', 'd=2']);
  expect(event.headers).not.toHaveProperty('cookie');
});

it.each([
  ['application/json', '{"쿠폰":1}', [false, '{"쿠폰":1}']],
  ['application/json; charset=utf-8', '{}', [false, '{}']],
  ['TEXT/plain', 'x', [false, 'x']],
  ['application/xml', '<x/>', [false, '<x/>']],
  ['application/octet-stream', Buffer.from([0, 255]), [true, 'AP8=']],
  ['application/x-www-form-urlencoded', 'a=1', [true, 'YT0x']],
  ['application/jsonp', '{}', [true, 'e30=']],
  [undefined, '{}', [true, 'e30=']],
])('hands a body of type %s over as API Gateway does', async (contentType, body, expected) => {
  expect(await bodyOf(contentType, body)).toEqual(expected);
});

it.each([
  [{ statusCode: 201, headers: { 'X-A': 1 }, body: 'b' }, { status: 201, headers: { 'x-a': '1', 'content-type': 'text/plain;charset=UTF-8' }, body: 'b' }],
  [{ statusCode: '404' }, { status: 404, headers: { 'content-type': 'text/plain;charset=UTF-8' }, body: '' }],
  [
    { statusCode: 200, headers: { 'Content-Type': 'image/png' }, body: 'AP8=', isBase64Encoded: true, cookies: ['a=1', 'b=2'] },
    { status: 200, headers: { 'content-type': 'image/png', 'set-cookie': ['a=1', 'b=2'] }, body: Buffer.from([0, 255]) },
  ],
  [{ any: 'object' }, { status: 200, headers: { 'content-type': 'application/json' }, body: '{"any":"object"}' }],
  ['text', { status: 200, headers: { 'content-type': 'application/json' }, body: 'text' }],
  [null, { status: 200, headers: { 'content-type': 'application/json' }, body: 'null' }],
])('maps the answer %j', (answer, expected) => {
  expect(toHttpAnswer(JSON.stringify(answer))).toEqual(expected);
});

it.each([
  { statusCode: 'ok' },
  { statusCode: 99 },
  { statusCode: 600 },
  { statusCode: 200.5 },
  { statusCode: 200, body: { not: 'text' } },
  { statusCode: 200, headers: [] },
  { statusCode: 200, cookies: 'a=1' },
])('answers 500 to %j', (answer) => {
  expect(toHttpAnswer(JSON.stringify(answer))).toMatchObject({ status: 500, body: '{"message":"Internal Server Error"}' });
});
