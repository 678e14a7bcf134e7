import type { IncomingMessage } from 'node:http';
import type { CorsModel } from './api-template.ts';
import type { HttpAnswer } from './payload.ts';

/**
 * The answer to a browser's question whether a page may call the API, on any path; `undefined` if it is no such question. A page that is not
 * listed gets the same answer without a permission.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
 */
export function preflightAnswer(cors: CorsModel, { method, headers }: IncomingMessage): HttpAnswer | undefined {
  if (method !== 'OPTIONS' || headers.origin === undefined || headers['access-control-request-method'] === undefined) return undefined;
  const answer: HttpAnswer = { status: 204, headers: {}, body: '' };
  if (!cors.origins.includes(headers.origin)) return answer;
  answer.headers = {
    'access-control-allow-origin': headers.origin,
    'access-control-allow-methods': cors.methods.join(','),
    'access-control-allow-headers': cors.headers.join(','),
  };
  if (cors.maxAgeSeconds !== undefined) answer.headers['access-control-max-age'] = String(cors.maxAgeSeconds);
  return answer;
}

/** A function's answer with the permission that its page needs to read it; what the function itself says of that does not count. */
export function permitted(cors: CorsModel, { headers: { origin } }: IncomingMessage, answer: HttpAnswer): HttpAnswer {
  const headers = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !name.startsWith('access-control-')));
  if (origin !== undefined && cors.origins.includes(origin)) {
    headers['access-control-allow-origin'] = origin;
    if (cors.exposedHeaders.length > 0) headers['access-control-expose-headers'] = cors.exposedHeaders.join(',');
  }
  return { ...answer, headers };
}
