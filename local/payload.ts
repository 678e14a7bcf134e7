import type { IncomingMessage } from 'node:http';
import { ACCOUNT_ID } from './intrinsics.ts';

/** An HTTP answer, ready to be written. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[]>;
  body: string | Buffer;
}

/**
 * API Gateway hands bodies of these types over as text and all others base64-encoded, form data and no type at all included.
 * Its documentation does not list them; measured on AWS in https://github.com/ministackorg/ministack/pull/766
 */
const TEXT_TYPES = /^\s*(text\/[^;]*|application\/(json|xml|javascript))\s*(;|$)/i;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * Makes the JSON of a payload format 2.0 event of a request, with what the route's authorizer says of its caller.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function toEvent(
  request: IncomingMessage,
  routeKey: string,
  requestId: string,
  body: Buffer,
  authorizer?: Record<string, unknown>,
): string {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const rawPath = mark === -1 ? url : url.slice(0, mark);
  const rawQueryString = mark === -1 ? '' : url.slice(mark + 1);
  const { headers, cookies } = headersOf(request);
  const sourceIp = request.socket.remoteAddress ?? '127.0.0.1';
  headers['x-forwarded-for'] = headers['x-forwarded-for'] === undefined ? sourceIp : `${headers['x-forwarded-for']}, ${sourceIp}`;
  headers['x-forwarded-port'] = String(request.socket.localPort ?? '');
  headers['x-forwarded-proto'] = 'http';
  const isBase64Encoded = body.length > 0 && !TEXT_TYPES.test(headers['content-type'] ?? '');
  const nowMs = Date.now();
  // Undefined fields leave no trace in the JSON, as on AWS.
  return JSON.stringify({
    version: '2.0',
    routeKey,
    rawPath,
    rawQueryString,
    cookies,
    headers,
    queryStringParameters: rawQueryString === '' ? undefined : queryOf(rawQueryString),
    requestContext: {
      accountId: ACCOUNT_ID,
      apiId: 'local',
      authorizer,
      domainName: headers.host,
      domainPrefix: 'local',
      http: { method: request.method, path: rawPath, protocol: `HTTP/${request.httpVersion}`, sourceIp, userAgent: headers['user-agent'] },
      requestId,
      routeKey,
      stage: '$default',
      time: gatewayTime(nowMs),
      timeEpoch: nowMs,
    },
    body: body.length === 0 ? undefined : body.toString(isBase64Encoded ? 'base64' : 'utf8'),
    isBase64Encoded,
  });
}

/** Header names in lower case, repeats joined by a comma, cookies apart. */
function headersOf(request: IncomingMessage): { headers: Record<string, string>; cookies: string[] | undefined } {
  const headers: Record<string, string> = Object.create(null);
  let cookies: string[] | undefined;
  const raw = request.rawHeaders;
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const value = raw[index + 1] ?? '';
    if (name === 'cookie') cookies = [...(cookies ?? []), ...value.split(/; */)];
    // The connection ends at the gateway.
    else if (name !== 'connection') headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`;
  }
  return { headers, cookies };
}

/** Query parameters decoded, repeats joined by a comma. */
function queryOf(rawQueryString: string): Record<string, string> {
  const query: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    query[name] = query[name] === undefined ? value : `${query[name]},${value}`;
  }
  return query;
}

let lastSecond = 0;
let lastTime = '';
/** A time as API Gateway writes it, 12/Mar/2020:19:03:58 +0000; kept for a second, for it is asked for with every request. */
function gatewayTime(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== lastSecond) {
    const iso = new Date(nowMs).toISOString();
    lastSecond = second;
    lastTime = `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
  }
  return lastTime;
}

/** What API Gateway answers by itself. */
export function gatewayAnswer(status: number, message: string): HttpAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ message }) };
}

/** The answer to a request whose function failed, or answered something that is no HTTP answer. */
export const internalServerError = (): HttpAnswer => gatewayAnswer(500, 'Internal Server Error');

/**
 * Makes the HTTP answer of what a function answered (JSON). Without a `statusCode` the whole of it is the body.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html#http-api-develop-integrations-lambda.response
 */
export function toHttpAnswer(payload: string): HttpAnswer {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    return internalServerError();
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !('statusCode' in value)) {
    const body = typeof value === 'string' ? value : payload;
    return { status: 200, headers: { 'content-type': 'application/json' }, body };
  }
  const { statusCode, headers = {}, body = '', isBase64Encoded = false, cookies = [] } = value as Record<string, unknown>;
  const status = Number(statusCode);
  const wellFormed =
    Number.isInteger(status) && status >= 200 && status <= 599 && typeof body === 'string' && isRecord(headers) && Array.isArray(cookies);
  if (!wellFormed) return internalServerError();
  const answer: HttpAnswer = { status, headers: {}, body: isBase64Encoded === true ? Buffer.from(body, 'base64') : body };
  for (const [name, header] of Object.entries(headers)) answer.headers[name.toLowerCase()] = String(header);
  answer.headers['content-type'] ??= 'text/plain;charset=UTF-8';
  if (cookies.length > 0) answer.headers['set-cookie'] = cookies.map(String);
  return answer;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

