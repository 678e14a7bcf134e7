/**
 * The documented rules of requests, written a second time and without the code under test: what a request must be answered.
 * Numbers are what JavaScript reads of them, so 1.0 and 1e0 are 1; of a repeated key the last counts.
 */

export const ROUTES = ['join', 'status', 'init-stock', 'info', 'control'] as const;
export type RouteName = (typeof ROUTES)[number];
export const methodOf = (route: RouteName) => (route === 'status' || route === 'info' ? 'GET' : 'POST');

/** A request as it is sent: a body counts for POST, a query string for GET. */
export interface RawRequest {
  route: RouteName;
  contentType: string | undefined;
  /** Undefined: no body at all. */
  body: Buffer | undefined;
  query: string;
}

export type Verdict = { kind: 'VALID'; asked: Record<string, unknown> } | { kind: 'REFUSED'; status: number; code: string };

const refused = (status: number, code: string): Verdict => ({ kind: 'REFUSED', status, code });
const INVALID = refused(400, 'INVALID_REQUEST');

const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const madeOf = (characters: string, lengthMax: number) => (value: unknown) =>
  typeof value === 'string' && value.length >= 1 && value.length <= lengthMax && value.split('').every((character) => characters.includes(character));
const isPromotionId = madeOf(`${ALPHANUMERIC}_-`, 64);
const isUserId = madeOf(`${ALPHANUMERIC}._:|@-`, 128);

const BODY_BYTES_MAX = 4096;
const AMOUNT_MAX = 1_000_000_000;
const isWhole = (value: unknown, min: number, max: number) =>
  typeof value === 'number' && value >= min && value <= max && value % 1 === 0 && !Object.is(value, -0);
/** The id as the queue sees it, or undefined if it is none. */
const idFrom = (value: unknown, isId: (value: unknown) => boolean) =>
  isId(value) || isWhole(value, 1, 2 ** 53 - 1) ? String(value) : undefined;

/** What the API must answer, if the queue itself has nothing against it. `text` is the body as the function gets to see it. */
export function verdictOn({ route, contentType, query }: RawRequest, text: string | undefined, bytes: number): Verdict {
  if (methodOf(route) === 'GET') return onParameters(route, query);
  if (bytes > BODY_BYTES_MAX) return refused(413, 'PAYLOAD_TOO_LARGE');
  if (!isJsonType(contentType)) return refused(415, 'UNSUPPORTED_MEDIA_TYPE');
  let body: unknown;
  try {
    body = JSON.parse(text ?? '');
  } catch {
    return refused(422, 'MALFORMED_JSON');
  }
  if (pollutes(body)) return refused(422, 'MALFORMED_JSON');
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return INVALID;
  return onFields(route, body as Record<string, unknown>);
}

/** application/json, with or without parameters; not what is built on it. */
function isJsonType(contentType: string | undefined): boolean {
  return contentType?.split(';')[0]?.trim().toLowerCase() === 'application/json';
}

/** Keys that are refused wherever they stand, since code that merges objects might follow them. */
function pollutes(body: unknown): boolean {
  const open = [body];
  // Bounded by the size of the body.
  for (let value = open.pop(); open.length > 0 || value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, inner] of Object.entries(value)) {
      if (key === '__proto__') return true;
      if (key === 'constructor' && inner && Object.hasOwn(inner as object, 'prototype')) return true;
      open.push(inner);
    }
  }
  return false;
}

function onFields(route: RouteName, fields: Record<string, unknown>): Verdict {
  const promotionId = idFrom(fields.promotionId, isPromotionId);
  const { action, quantity, requestId, stock } = fields;
  if (promotionId === undefined) return INVALID;
  switch (route) {
    case 'join': {
      const userId = idFrom(fields.userId, isUserId);
      return userId === undefined ? INVALID : { kind: 'VALID', asked: { promotionId, userId } };
    }
    case 'init-stock':
      return isWhole(stock, 0, AMOUNT_MAX) ? { kind: 'VALID', asked: { promotionId, stock } } : INVALID;
    default:
      if (action === 'restock') {
        return isWhole(quantity, 1, AMOUNT_MAX) && isPromotionId(requestId) ? { kind: 'VALID', asked: { promotionId, action, quantity, requestId } } : INVALID;
      }
      return ['pause', 'resume', 'close', 'remove'].includes(action as string) && typeof action === 'string' ? { kind: 'VALID', asked: { promotionId, action } } : INVALID;
  }
}

function onParameters(route: RouteName, query: string): Verdict {
  const sent = query.split('&').filter((part) => part !== '').map((part) => {
    const [name = '', ...value] = part.split('=');
    return [decoded(name), decoded(value.join('='))] as const;
  });
  const only = (name: string) => {
    const values = sent.filter(([sentName]) => sentName === name).map(([, value]) => value);
    return values.length === 1 ? values[0] : undefined;
  };
  const promotionId = only('promotionId');
  const userId = only('userId');
  if (!isPromotionId(promotionId)) return INVALID;
  if (route === 'info') return { kind: 'VALID', asked: { promotionId } };
  return isUserId(userId) ? { kind: 'VALID', asked: { promotionId, userId } } : INVALID;
}

/** Percent-decoding as forms do it: a plus is a space, and what is no escape stays as it is. */
const decoded = (text: string) =>
  text.replaceAll('+', ' ').replaceAll(/(%[0-9a-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'));
