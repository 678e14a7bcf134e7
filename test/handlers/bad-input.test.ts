import { describe, expect, test, vi } from 'vitest';
import { createHandler as createControl } from '../../lambda/control.ts';
import { createHandler as createInfo } from '../../lambda/info.ts';
import { createHandler as createInitStock } from '../../lambda/init-stock.ts';
import { createHandler as createJoin } from '../../lambda/join.ts';
import { createHandler as createStatus } from '../../lambda/status.ts';
import { call, get, post } from './events.ts';

const operation = vi.fn(() => Promise.reject(new Error('reached the queue')));
const join = createJoin({ join: operation }, 'request');
const status = createStatus({ status: operation }, { batchSize: 1, drainIntervalMs: 1000 }, 'request');
const initStock = createInitStock({ initStock: operation });
const info = createInfo({ info: operation });
const control = createControl({ control: operation });

/** Expects 400 naming exactly these fields, and that the queue was never asked. */
async function expectInvalid(handler: unknown, request: ReturnType<typeof post>, fields: string[]): Promise<void> {
  const { status, body } = await call(handler, request);
  const { error } = body as { error: { code: string; details: { field: string; rule: string }[] } };
  expect({ status, code: error.code, fields: error.details.map(({ field }) => field) }).toEqual({ status: 400, code: 'INVALID_REQUEST', fields });
  for (const { rule } of error.details) expect(rule).toMatch(/[가-힣]/);
  expect(operation).not.toHaveBeenCalled();
}

describe('400: names the field and the rule', () => {
  test.each([
    ['both missing', {}, ['promotionId', 'userId']],
    ['one missing', { promotionId: 1 }, ['userId']],
    ['null', { promotionId: null, userId: 'a' }, ['promotionId']],
    ['boolean', { promotionId: true, userId: 'a' }, ['promotionId']],
    ['array', { promotionId: [1], userId: 'a' }, ['promotionId']],
    ['object', { promotionId: 1, userId: { id: 1 } }, ['userId']],
    ['empty', { promotionId: '', userId: 'a' }, ['promotionId']],
    ['zero', { promotionId: 0, userId: 'a' }, ['promotionId']],
    ['negative', { promotionId: -1, userId: 'a' }, ['promotionId']],
    ['fraction', { promotionId: 1.5, userId: 'a' }, ['promotionId']],
    ['too long', { promotionId: 'x'.repeat(65), userId: 'a' }, ['promotionId']],
    ['user too long', { promotionId: 1, userId: 'x'.repeat(129) }, ['userId']],
    ['brace', { promotionId: 'a}b', userId: 'a{b' }, ['promotionId', 'userId']],
    ['line feed', { promotionId: 'a\n', userId: 'a\n' }, ['promotionId', 'userId']],
    ['NUL', { promotionId: 'a\0', userId: 'a' }, ['promotionId']],
    ['unicode', { promotionId: '프로모션', userId: '김' }, ['promotionId', 'userId']],
    ['lone surrogate', { promotionId: 1, userId: '\ud800' }, ['userId']],
    ['constructor', { promotionId: 1, 'constructor.userId': 'a' }, ['userId']],
  ])('join: %s', (_, body, fields) => expectInvalid(join, post(body), fields));

  test.each(['1e400', '9007199254740992', '9007199254740993', '-0', '1e-9'])('join: the number %s is no id', (number) =>
    expectInvalid(join, post(`{"promotionId":${number},"userId":"a"}`), ['promotionId']),
  );

  test.each(['null', '[]', '[{"promotionId":1,"userId":"a"}]', '1', '"text"', 'true'])('join: the body %s is not an object', (body) =>
    expectInvalid(join, post(body), ['body']),
  );

  test.each([
    ['missing', undefined],
    ['text', '1000'],
    ['fraction', 0.5],
    ['negative', -1],
    ['too large', 1_000_000_001],
    ['null', null],
    ['boolean', true],
    ['array', [1]],
  ])('init-stock: stock %s', (_, stock) => expectInvalid(initStock, post({ promotionId: 1, stock }), ['stock']));

  test('init-stock: -0 and 1e400', async () => {
    await expectInvalid(initStock, post('{"promotionId":1,"stock":-0}'), ['stock']);
    await expectInvalid(initStock, post('{"promotionId":1,"stock":1e400}'), ['stock']);
  });

  test.each([
    ['nothing', {}, ['promotionId', 'action']],
    ['both wrong', { promotionId: ' ', action: 'xx' }, ['promotionId', 'action']],
    ['no action', { promotionId: 1 }, ['action']],
    ['unknown action', { promotionId: 1, action: 'refill' }, ['action']],
    ['wrong case', { promotionId: 1, action: 'PAUSE' }, ['action']],
    ['inherited', { promotionId: 1, action: 'toString' }, ['action']],
    ['restock without its fields', { promotionId: 1, action: 'restock' }, ['quantity', 'requestId']],
    ['quantity 0', { promotionId: 1, action: 'restock', quantity: 0, requestId: 'r' }, ['quantity']],
    ['quantity too large', { promotionId: 1, action: 'restock', quantity: 1_000_000_001, requestId: 'r' }, ['quantity']],
    ['request id with a space', { promotionId: 1, action: 'restock', quantity: 1, requestId: 'r 1' }, ['requestId']],
    ['request id too long', { promotionId: 1, action: 'restock', quantity: 1, requestId: 'r'.repeat(65) }, ['requestId']],
    ['bad promotion', { promotionId: '', action: 'close' }, ['promotionId']],
  ])('control: %s', (_, body, fields) => expectInvalid(control, post(body), fields));

  test.each([
    ['', ['promotionId', 'userId']],
    ['promotionId=1', ['userId']],
    ['promotionId=&userId=', ['promotionId', 'userId']],
    ['promotionId=1&userId=a%20b', ['userId']],
    ['promotionId=1&userId=a+b', ['userId']],
    ['promotionId=1&userId=%00', ['userId']],
    ['promotionId=1&userId=%', ['userId']],
    ['promotionId=1&userId=%FF', ['userId']],
    ['promotionId=1,2&userId=a', ['promotionId']],
    ['promotionId=1&promotionId=1&userId=a', ['promotionId']],
    ['promotionId=1&userId=a&userId=b', ['userId']],
    ['promotionId=1&promotionId=2&userId', ['promotionId', 'userId']],
    ['promotionId[]=1&userId=a', ['promotionId']],
    ['PROMOTIONID=1&userId=a', ['promotionId']],
    ['?promotionId=1&userId=a', ['promotionId']],
  ])('status: %j', (query, fields) => expectInvalid(status, get(query), fields));

  test('info: a missing and a repeated parameter; unknown ones may repeat', async () => {
    await expectInvalid(info, get(''), ['promotionId']);
    await expectInvalid(info, get('promotionId=1&promotionId=2'), ['promotionId']);
    operation.mockClear();
    await call(info, get('promotionId=1&x=1&x=2'));
    expect(operation).toHaveBeenCalledOnce();
    operation.mockClear();
  });
});

describe('before the fields', () => {
  test.each([
    ['too large', post(`{"promotionId":1,"userId":"a","pad":"${'x'.repeat(4096)}"}`), 413, 'PAYLOAD_TOO_LARGE'],
    ['too large in bytes, not in characters', post(`{"pad":"${'한'.repeat(1400)}"}`), 413, 'PAYLOAD_TOO_LARGE'],
    ['a million nested arrays', post('['.repeat(1_000_000)), 413, 'PAYLOAD_TOO_LARGE'],
    ['too large and of the wrong type', post('x'.repeat(5000), { 'content-type': 'text/plain' }), 413, 'PAYLOAD_TOO_LARGE'],
    ['form', post('promotionId=1&userId=a', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['no content type', post('{}', {}), 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['built on JSON', post('{}', { 'content-type': 'application/problem+json' }), 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['JSON Lines', post('{}', { 'content-type': 'application/jsonl' }), 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['not JSON', post('{"promotionId":1,'), 422, 'MALFORMED_JSON'],
    ['empty', post(''), 422, 'MALFORMED_JSON'],
    ['__proto__', post('{"promotionId":1,"userId":"a","__proto__":{"x":1}}'), 422, 'MALFORMED_JSON'],
    ['__proto__ in escapes, further in', post('{"promotionId":1,"userId":"a","x":[{"\\u005f_proto__":1}]}'), 422, 'MALFORMED_JSON'],
    ['a constructor with a prototype', post('{"promotionId":1,"userId":"a","constructor":{"prototype":{}}}'), 422, 'MALFORMED_JSON'],
    ['no body', { ...post({}), body: undefined }, 422, 'MALFORMED_JSON'],
  ])('%s', async (_, request, statusCode, code) => {
    for (const handler of [join, initStock, control]) {
      expect(await call(handler, request)).toMatchObject({ status: statusCode, body: { success: false, error: { code }, requestId: 'request-1' } });
    }
    expect(operation).not.toHaveBeenCalled();
  });

  test('a constructor without a prototype is a field like any other', async () => {
    await call(join, post('{"promotionId":1,"userId":"a","constructor":{"x":"\\u0061"}}'));
    expect(operation).toHaveBeenCalledOnce();
    operation.mockClear();
  });

  test('base64: the size counts as decoded, and the body is read', async () => {
    const encoded = (body: string) => ({ ...post(Buffer.from(body).toString('base64')), isBase64Encoded: true });
    expect(await call(join, encoded(`{"pad":"${'x'.repeat(4000)}"}`))).toMatchObject({ status: 400 });
    expect(await call(join, encoded(`{"pad":"${'x'.repeat(4096)}"}`))).toMatchObject({ status: 413 });
  });

  test.each(['application/json', 'Application/JSON', 'application/json;charset=utf-8', 'application/json ; charset=utf-8'])('%s is JSON', async (type) => {
    expect(await call(join, post({}, { 'content-type': type }))).toMatchObject({ status: 400 });
  });

  test('exactly 4 KiB is taken', async () => {
    const body = `{"promotionId":0,"userId":"a","pad":"${'x'.repeat(4096 - 39)}"}`;
    expect(Buffer.byteLength(body)).toBe(4096);
    expect(await call(join, post(body))).toMatchObject({ status: 400 });
  });
});
