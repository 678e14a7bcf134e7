import * as fc from 'fast-check';
import { request as httpRequest } from 'node:http';
import { describe, expect, test } from 'vitest';
import { everything } from '../everything.ts';
import { systemForFile, uniquePromotionId } from '../system-for-tests.ts';
import { expectNoInsides, expectRefusal } from './answers.ts';
import { methodOf, type RawRequest, ROUTES, verdictOn } from './contract.ts';
import { hostileRequests } from './hostile.ts';
import { repeated, tell, timed, timeoutMs } from './replay.ts';

const BATCHES = 30;
const BATCH_MAX = 25;
const SECONDS = 15;
const REQUEST_TIMEOUT_MS = 10_000;
const BASE = '/api/coupon/queue';
const on = systemForFile();

interface Sent {
  method: string;
  /** The request target as it stands in the request line. */
  target: string;
  headers?: Record<string, string>;
  body?: Buffer | undefined;
}
interface Answer {
  status: number;
  text: string;
}

/** Sends a request as it is: fetch would normalize paths and refuse methods. */
function send({ method, target, headers = {}, body }: Sent): Promise<Answer> {
  const { hostname, port } = new URL(on.system.apiUrl);
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': body.length };
    const request = httpRequest({ hostname, port, method, path: target, headers: { ...headers, ...length }, timeout: REQUEST_TIMEOUT_MS, agent: false });
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => void chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
    request.end(body);
  });
}

const sendTo = ({ route, query, contentType, body }: RawRequest) =>
  send({
    method: methodOf(route),
    target: `${BASE}/${route}${query === '' ? '' : `?${query}`}`,
    headers: contentType === undefined ? {} : { 'content-type': contentType },
    body,
  });

/** API Gateway hands these over as text, all else byte by byte. */
const isText = (contentType: string | undefined) => /^(text\/|application\/(json|xml)(;|$))/i.test(contentType ?? '');

/** Percent-encoding, dots, slashes, case and unknown ends of paths, and methods that no route has. */
const strays = fc.oneof(
  fc.record({
    method: fc.constantFrom('GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'),
    target: fc.constantFrom(`${BASE}/join`, `${BASE}/init-stock`, `${BASE}/control`),
  }),
  fc.record({ method: fc.constantFrom('POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'), target: fc.constantFrom(`${BASE}/status?promotionId=1&userId=1`, `${BASE}/info?promotionId=1`) }),
  fc.record({
    method: fc.constantFrom('GET', 'POST'),
    target: fc.oneof(
      fc.constantFrom(
        '/', '//', '/api', BASE, `${BASE}/`, `${BASE}/join/`, `${BASE}//join`, `${BASE}/./join`, `${BASE}/x/../join`,
        `${BASE}/%6aoin`, `${BASE}/JOIN`, `${BASE}/join%00`, `${BASE}/join%2f`, `${BASE}/join;x=1`, `${BASE}%2fjoin`,
      ),
      fc.constantFrom(
        '/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/$default', '/2015-03-31/functions/join/invocations', '*', '/favicon.ico',
      ),
      fc.webPath().map((path) => `/x${path}`),
    ),
  }),
);

describe('hostile input through HTTP', () => {
  test('always the documented 4xx, never a 5xx, never a write', { timeout: timeoutMs(SECONDS) }, async () => {
    const p = uniquePromotionId();
    await on.api.initStock(p, 10);
    await on.api.join(p, 'a');
    await expect.poll(() => on.api.stateOf(p, 'a'), { timeout: 10_000 }).toBe('COMPLETED');
    const before = await everything(on.redis);
    let tried = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(hostileRequests, { minLength: 1, maxLength: BATCH_MAX, size: 'max' }), fc.array(strays, { maxLength: 5 }), timed(SECONDS, async (requests, astray) => {
        // A promotion that does not exist can be opened by whoever finds its name: such requests are valid, and not for here.
        const refused = requests.map((request) => ({ request, verdict: verdictFor(request) })).filter(({ request, verdict }) => !(request.route === 'init-stock' && verdict.kind === 'VALID'));
        tried += refused.length + astray.length;
        await Promise.all([
          ...refused.map(async ({ request, verdict }) => {
            const { status, text } = await sendTo(request);
            const body = JSON.parse(text) as unknown;
            if (verdict.kind === 'REFUSED') return expectRefusal({ status, body }, verdict);
            // Valid, but of a promotion that nobody has opened.
            if (request.route === 'status') expect({ status, body }).toMatchObject({ status: 200, body: { data: { status: 'NOT_IN_QUEUE' } } });
            else expectRefusal({ status, body }, { kind: 'REFUSED', status: 404, code: 'PROMOTION_NOT_FOUND' });
          }),
          ...astray.map(async (stray) => {
            const { status, text } = await send(stray);
            expect([stray, status, JSON.parse(text)]).toEqual([stray, 404, { message: 'Not Found' }]);
          }),
        ]);
        expect(await everything(on.redis)).toEqual(before);
      })),
      repeated(BATCHES),
    );
    tell(`hostile input through HTTP: ${tried} requests`);
    expect(tried).toBeGreaterThan(0);
  });

  test('what is no proper HTTP, or too large for any route, is refused by the gateway in its own form', async () => {
    const cases: [Sent, number, string][] = [
      [{ method: 'POST', target: `${BASE}/join`, headers: { 'content-type': 'application/json' }, body: Buffer.alloc(10_000_001, ' ') }, 413, 'Request Entity Too Large'],
      [{ method: 'GET', target: `${BASE}/status?userId=${'x'.repeat(20_000)}` }, 431, 'Request Header Fields Too Large'],
      [{ method: 'GET', target: `${BASE}/status`, headers: { 'x-long': 'x'.repeat(20_000) } }, 431, 'Request Header Fields Too Large'],
    ];
    for (const [request, status, message] of cases) {
      const answer = await send(request);
      expect([answer.status, JSON.parse(answer.text)]).toEqual([status, { message }]);
      expectNoInsides(answer.text);
    }
  });

  test('every route is tried', () => {
    const routes = new Set(fc.sample(hostileRequests, { numRuns: 500, seed: 1 }).map(({ route }) => route));
    expect(routes).toEqual(new Set(ROUTES));
  });
});

function verdictFor(request: RawRequest) {
  const bytes = request.body?.length ? request.body : undefined;
  const text = bytes?.toString('utf8');
  return verdictOn(request, text, isText(request.contentType) ? Buffer.byteLength(text ?? '') : (bytes?.length ?? 0));
}
