import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { HttpError } from './envelope.ts';

/** Largest body that is parsed, in bytes; a million nested arrays would cost the parser 0.6 s. */
export const BODY_BYTES_MAX = 4096;

/** JSON and nothing that is built on it. */
const JSON_TYPE = /^\s*application\/json\s*(;|$)/i;

/** Where a forbidden key may be; a backslash, since `\u005f` is an underscore too. */
const SUSPICIOUS = /__proto__|constructor|\\/;

/**
 * The body of a request as JSON says it.
 * @throws HttpError if it is too large, not declared to be JSON, none, or holds a key that would reach into a prototype.
 */
export function jsonBody({ body, headers, isBase64Encoded }: APIGatewayProxyEventV2): unknown {
  if (body !== undefined && Buffer.byteLength(body, isBase64Encoded ? 'base64' : 'utf8') > BODY_BYTES_MAX) throw new HttpError('PAYLOAD_TOO_LARGE');
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) throw new HttpError('UNSUPPORTED_MEDIA_TYPE');
  const text = isBase64Encoded ? Buffer.from(body ?? '', 'base64').toString() : (body ?? '');
  try {
    // A reviver is called for each value and makes the parser five times as slow.
    return SUSPICIOUS.test(text) ? JSON.parse(text, refuseForbidden) : JSON.parse(text);
  } catch {
    throw new HttpError('MALFORMED_JSON');
  }
}

/** Refuses what middy's own body parser refuses: `__proto__`, and a constructor with a prototype, at any depth. */
function refuseForbidden(key: string, value: unknown): unknown {
  if (key === '__proto__' || (key === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype'))) {
    throw new SyntaxError(`${key} is not allowed`);
  }
  return value;
}
