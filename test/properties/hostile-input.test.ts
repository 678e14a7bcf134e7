import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { createHandler as createControl } from '../../lambda/control.ts';
import { createHandler as createInfo } from '../../lambda/info.ts';
import { createHandler as createInitStock } from '../../lambda/init-stock.ts';
import { createHandler as createJoin } from '../../lambda/join.ts';
import { createHandler as createStatus } from '../../lambda/status.ts';
import type { PromotionInfo } from '../../lambda/queue/info.ts';
import { call, get, post } from '../handlers/events.ts';
import { expectRefusal } from './answers.ts';
import { methodOf, type RawRequest, type RouteName, verdictOn } from './contract.ts';
import { hostileRequests } from './hostile.ts';
import { repeated, replaying, tell, timed, timeoutMs } from './replay.ts';

const RUNS = 10_000;
const SECONDS = 20;

const numbers: PromotionInfo = { currentStock: 1, queueSize: 0, processingCount: 0, initialStock: 1, completedCount: 0, failedCount: 0, state: 'OPEN' };
/** What reached the queue, which is faked: here the way there is tried, thousands of times. */
const asked = vi.fn<(request: Record<string, unknown>) => void>();
const handlers: Record<RouteName, unknown> = {
  join: createJoin({ join: async (promotionId, userId) => (asked({ promotionId, userId }), { kind: 'WAITING', position: 1 }) }, 'request'),
  status: createStatus({ status: async (promotionId, userId) => (asked({ promotionId, userId }), { kind: 'FAILED' }) }, { batchSize: 1, drainIntervalMs: 1000 }, 'request'),
  'init-stock': createInitStock({ initStock: async (promotionId, stock) => (asked({ promotionId, stock }), { kind: 'SET', initialStock: stock }) }),
  info: createInfo({ info: async (promotionId) => (asked({ promotionId }), numbers) }),
  control: createControl({ control: async (promotionId, action) => (asked({ promotionId, ...action }), { kind: 'APPLIED', info: numbers }) }),
};

/** The event of a request; a body may come as text or base64-encoded, as API Gateway sees fit. */
function eventOf({ route, contentType, body, query }: RawRequest, base64: boolean) {
  if (methodOf(route) === 'GET') return get(query);
  const headers: Record<string, string> = contentType === undefined ? {} : { 'content-type': contentType };
  return { ...post(body?.toString(base64 ? 'base64' : 'utf8') ?? '', headers), rawQueryString: query, isBase64Encoded: base64, ...(body === undefined && { body: undefined }) };
}

describe('hostile input to the functions', () => {
  test('what the contract allows reaches the queue as it was meant, everything else gets the documented 4xx and does not', { timeout: timeoutMs(SECONDS) }, async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(hostileRequests, fc.boolean(), timed(SECONDS, async (request, base64) => {
        asked.mockClear();
        const text = request.body?.toString('utf8');
        const bytes = base64 ? (request.body?.length ?? 0) : Buffer.byteLength(text ?? '');
        const verdict = verdictOn(request, text, bytes);
        const { status, body } = await call(handlers[request.route], eventOf(request, base64));
        const kind = verdict.kind === 'VALID' ? 'VALID' : verdict.code;
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        if (verdict.kind === 'REFUSED') {
          expectRefusal({ status, body }, verdict);
          expect(asked).not.toHaveBeenCalled();
        } else {
          expect({ status, asked: asked.mock.calls }).toEqual({ status: 200, asked: [[verdict.asked]] });
        }
      })),
      repeated(RUNS),
    );
    tell(`hostile input to the functions: ${JSON.stringify(Object.fromEntries(seen))}`);
    // Each kind was tried, or this has shown nothing.
    if (!replaying) for (const kind of ['VALID', 'INVALID_REQUEST', 'MALFORMED_JSON', 'UNSUPPORTED_MEDIA_TYPE', 'PAYLOAD_TOO_LARGE']) expect(seen.get(kind), kind).toBeGreaterThan(0);
  });
});
