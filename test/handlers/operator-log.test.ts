import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { expect, test, vi } from 'vitest';
import { createHandler as createControl } from '../../lambda/control.ts';
import { createHandler as createInitStock } from '../../lambda/init-stock.ts';
import { RedisUnavailable } from '../../lambda/queue/redis.ts';
import { call, post, withSigner } from './events.ts';

const operator = 'arn:aws:sts::123456789012:assumed-role/operators/kim';
const control = createControl({ control: async () => ({ kind: 'NOT_CLOSED' }) });

/** The lines that a request makes a handler log. */
async function linesOf(handler: unknown, request: APIGatewayProxyEventV2): Promise<unknown[]> {
  const lines: unknown[] = [];
  const info = vi.spyOn(console, 'info').mockImplementation((line) => void lines.push(JSON.parse(String(line))));
  await call(handler, request);
  info.mockRestore();
  return lines;
}

test('who opens a promotion is logged, with the stock', async () => {
  const initStock = createInitStock({ initStock: async () => ({ kind: 'SET', initialStock: 5 }) });
  const asked = { action: 'init-stock', stock: 5 };
  expect(await linesOf(initStock, withSigner(post({ promotionId: 7, stock: 5 }), operator))).toMatchObject([{ requestId: 'request-1', operator, promotionId: '7', asked, outcome: 'SET' }]);
});

test('who steers one is logged, with what came of it, also if it was refused', async () => {
  expect(await linesOf(control, withSigner(post({ promotionId: 7, action: 'remove' }), operator))).toMatchObject([{ operator, promotionId: '7', asked: { action: 'remove' }, outcome: 'NOT_CLOSED' }]);
});

test("a restock's own requestId does not take the place of the request's", async () => {
  const asked = { action: 'restock', quantity: 3, requestId: 'restock-1' };
  expect(await linesOf(control, withSigner(post({ promotionId: 7, ...asked }), operator))).toMatchObject([{ requestId: 'request-1', asked }]);
});

test('where nobody signs, nobody is named', async () => {
  const [line] = await linesOf(control, post({ promotionId: 7, action: 'pause' }));
  expect(line).toMatchObject({ asked: { action: 'pause' } });
  expect(line).not.toHaveProperty('operator');
});

test('what did not happen for want of Redis is logged as a failure alone', async () => {
  const away = createControl({ control: () => Promise.reject(new RedisUnavailable('gone')) });
  const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  expect(await linesOf(away, withSigner(post({ promotionId: 7, action: 'pause' }), operator))).toEqual([]);
  expect(error).toHaveBeenCalledOnce();
  error.mockRestore();
});
