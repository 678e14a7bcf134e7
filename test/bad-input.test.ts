import { describe, expect, test } from 'vitest';
import { everything } from './everything.ts';
import { systemForFile, uniquePromotionId } from './system-for-tests.ts';

const on = systemForFile();
const json = { 'content-type': 'application/json' };

describe('bad input through the API', () => {
  test('is answered as the contract says, with a request id, and writes nothing', async () => {
    const p = uniquePromotionId();
    await on.api.initStock(p, 10);
    await on.api.join(p, 'a');
    await expect.poll(() => on.api.stateOf(p, 'a'), { timeout: 10_000 }).toBe('COMPLETED');
    const before = await everything(on.redis);
    const cases: [Promise<{ status: number; body: { error?: { code: string }; requestId?: string } }>, number, string][] = [
      [on.api.join(undefined, 'a'), 400, 'INVALID_REQUEST'],
      [on.api.join(p, ''), 400, 'INVALID_REQUEST'],
      [on.api.join(p, 'a b'), 400, 'INVALID_REQUEST'],
      [on.api.join(p, { $gt: '' }), 400, 'INVALID_REQUEST'],
      [on.api.join(`${p}}{x`, 'a'), 400, 'INVALID_REQUEST'],
      [on.api.initStock(p, -1), 400, 'INVALID_REQUEST'],
      [on.api.initStock(p, 1e10), 400, 'INVALID_REQUEST'],
      [on.api.control(p, 'explode'), 400, 'INVALID_REQUEST'],
      [on.api.control(p, 'restock'), 400, 'INVALID_REQUEST'],
      [on.api.post('join', '[]'), 400, 'INVALID_REQUEST'],
      [on.api.post('join', 'null'), 400, 'INVALID_REQUEST'],
      [on.api.post('join', '{"promotionId":'), 422, 'MALFORMED_JSON'],
      [on.api.send('join', { method: 'POST', headers: json }), 422, 'MALFORMED_JSON'],
      [on.api.post('join', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'UNSUPPORTED_MEDIA_TYPE'],
      [on.api.post('join', `{"pad":"${'x'.repeat(5000)}"}`), 413, 'PAYLOAD_TOO_LARGE'],
      [on.api.send(`status?promotionId=${p}`), 400, 'INVALID_REQUEST'],
      [on.api.send(`status?promotionId=${p}&userId=a&userId=b`), 400, 'INVALID_REQUEST'],
      [on.api.send('info'), 400, 'INVALID_REQUEST'],
      [on.api.send('info?promotionId=%7B%7D'), 400, 'INVALID_REQUEST'],
      [on.api.info('never-initialised'), 404, 'PROMOTION_NOT_FOUND'],
      [on.api.join('never-initialised', 'a'), 404, 'PROMOTION_NOT_FOUND'],
      [on.api.control('never-initialised', 'close'), 404, 'PROMOTION_NOT_FOUND'],
      [on.api.control(p, 'remove'), 409, 'PROMOTION_NOT_CLOSED'],
      [on.api.initStock(p, 11), 409, 'PROMOTION_IN_PROGRESS'],
    ];
    for (const [answer, status, code] of cases) {
      const { status: answered, body } = await answer;
      expect({ status: answered, code: body.error?.code }).toEqual({ status, code });
      expect(body).toMatchObject({ success: false, message: expect.stringMatching(/[가-힣]/), requestId: expect.stringMatching(/./) });
    }
    expect(await everything(on.redis)).toEqual(before);
  });

  test('what the gateway answers by itself has its own form', async () => {
    for (const [method, route] of [['GET', 'join'], ['POST', 'status'], ['DELETE', 'join'], ['GET', 'nowhere'], ['POST', 'join/']] as const) {
      const { status, body } = await on.api.send(route, { method });
      expect([status, body]).toEqual([404, { message: 'Not Found' }]);
    }
  });
});
