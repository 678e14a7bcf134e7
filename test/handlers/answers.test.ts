import { describe, expect, test, vi } from 'vitest';
import { createHandler as createControl } from '../../lambda/control.ts';
import { createHandler as createInfo } from '../../lambda/info.ts';
import { createHandler as createInitStock } from '../../lambda/init-stock.ts';
import { createHandler as createJoin } from '../../lambda/join.ts';
import type { ControlOutcome } from '../../lambda/queue/control.ts';
import type { PromotionInfo } from '../../lambda/queue/info.ts';
import type { InitStockOutcome } from '../../lambda/queue/init-stock.ts';
import type { JoinOutcome } from '../../lambda/queue/join.ts';
import type { UserStatus } from '../../lambda/queue/status.ts';
import { createHandler as createStatus } from '../../lambda/status.ts';
import { call, get, post } from './events.ts';

const error = (code: string) => ({ success: false, message: expect.stringMatching(/[가-힣]/), error: { code }, requestId: 'request-1' });

describe('join', () => {
  const answer = (outcome: JoinOutcome) => call(createJoin({ join: async () => outcome }, 'request'), post({ promotionId: 1, userId: 100 }));

  test.each([
    [{ kind: 'WAITING', position: 5 }, '대기열 5번으로 등록되었습니다.', { position: 5, status: 'WAITING' }],
    [{ kind: 'PROCESSING' }, '이미 쿠폰 발급을 처리 중입니다.', { position: 0, status: 'PROCESSING' }],
    [{ kind: 'COMPLETED' }, '이미 쿠폰을 발급받으셨습니다.', { position: 0, status: 'COMPLETED' }],
    [{ kind: 'FAILED' }, '쿠폰 발급에 실패했습니다.', { position: 0, status: 'FAILED' }],
  ] as [JoinOutcome, string, object][])('%j', async (outcome, message, data) => {
    expect(await answer(outcome)).toEqual({
      status: 200,
      headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
      body: { success: true, message, data },
    });
  });

  test.each([
    ['NOT_FOUND', 404, 'PROMOTION_NOT_FOUND'],
    ['CLOSED', 409, 'PROMOTION_CLOSED'],
    ['SOLD_OUT', 409, 'SOLD_OUT'],
  ] as const)('%s', async (kind, status, code) => {
    expect(await answer({ kind })).toMatchObject({ status, body: error(code) });
  });

  test('passes ids on as strings, however they came', async () => {
    const join = vi.fn(async (): Promise<JoinOutcome> => ({ kind: 'WAITING', position: 1 }));
    const handler = createJoin({ join }, 'request');
    await call(handler, post({ promotionId: 1, userId: 9007199254740991, extra: { ignored: true } }));
    await call(handler, post({ promotionId: '01', userId: 'kim|k:1@x.y-z_' }));
    expect(join.mock.calls).toEqual([['1', '9007199254740991'], ['01', 'kim|k:1@x.y-z_']]);
  });
});

describe('status', () => {
  const pace = { batchSize: 100, drainIntervalMs: 1000 };
  const answer = async (found: UserStatus, change = {}) =>
    (await call(createStatus({ status: async () => found }, { ...pace, ...change }, 'request'), get('promotionId=1&userId=100'))).body;
  const none = { position: 0, totalWaiting: 0, estimatedWaitSeconds: 0 };

  test.each([
    [{ kind: 'WAITING', position: 5, totalWaiting: 9 }, { position: 5, totalWaiting: 9, estimatedWaitSeconds: 1, message: '대기 순번: 5번, 예상 대기시간: 약 1초' }],
    [{ kind: 'PROCESSING' }, { ...none, message: '쿠폰 발급 처리 중입니다.' }],
    [{ kind: 'COMPLETED' }, { ...none, message: '쿠폰 발급이 완료되었습니다.' }],
    [{ kind: 'FAILED' }, { ...none, message: '쿠폰 재고가 소진되었습니다.' }],
    [{ kind: 'NOT_IN_QUEUE' }, { ...none, message: '대기열에 등록되지 않았습니다.' }],
  ] as [UserStatus, object][])('%j', async (found, data) => {
    expect(await answer(found)).toEqual({ success: true, message: '상태 조회 성공', data: { status: found.kind, ...data } });
  });

  test.each([
    [1, 100, 1000, 1],
    [100, 100, 1000, 1],
    [101, 100, 1000, 2],
    [1000, 100, 50, 1],
    [2001, 100, 50, 2],
    [150, 100, 1500, 3],
  ])('position %i at %i each %i ms: about %i s', async (position, batchSize, drainIntervalMs, seconds) => {
    expect(await answer({ kind: 'WAITING', position, totalWaiting: position }, { batchSize, drainIntervalMs })).toMatchObject({
      data: { estimatedWaitSeconds: seconds },
    });
  });
});

describe('init-stock', () => {
  const answer = (outcome: InitStockOutcome, promotionId: unknown = 1) =>
    call(createInitStock({ initStock: async () => outcome }), post({ promotionId, stock: 1000 }));

  test('answers the initial stock in force', async () => {
    const expected = { success: true, message: '프로모션 1의 재고가 1000개로 초기화되었습니다.', data: { promotionId: 1, stock: 1000 } };
    expect(await answer({ kind: 'SET', initialStock: 1000 })).toMatchObject({ status: 200, body: expected });
    expect(await answer({ kind: 'UNCHANGED', initialStock: 1000 }, '1')).toMatchObject({ status: 200, body: expected });
  });

  test.each([
    ['1', 1],
    ['01', '01'],
    ['9007199254740992', '9007199254740992'],
    ['9007199254740991', 9007199254740991],
    ['0', '0'],
    ['-1', '-1'],
    ['1e3', '1e3'],
    ['sale_2026', 'sale_2026'],
  ])('promotion %j is answered as %j', async (sent, answered) => {
    expect(await answer({ kind: 'SET', initialStock: 1 }, sent)).toMatchObject({ body: { data: { promotionId: answered } } });
  });

  test.each([
    ['IN_PROGRESS', 'PROMOTION_IN_PROGRESS'],
    ['CLOSED', 'PROMOTION_CLOSED'],
    ['BEING_REMOVED', 'PROMOTION_BEING_REMOVED'],
  ] as const)('%s', async (kind, code) => {
    expect(await answer({ kind })).toMatchObject({ status: 409, body: error(code) });
  });
});

const numbers: PromotionInfo = { currentStock: 1, queueSize: 2, processingCount: 3, initialStock: 9, completedCount: 8, failedCount: 4, state: 'OPEN' };

describe('info', () => {
  test('answers the numbers, or that there is no such promotion', async () => {
    expect(await call(createInfo({ info: async () => numbers }), get('promotionId=7'))).toMatchObject({
      status: 200,
      body: { success: true, message: '큐 정보 조회 성공', data: { promotionId: 7, ...numbers } },
    });
    expect(await call(createInfo({ info: async () => null }), get('promotionId=7'))).toMatchObject({ status: 404, body: error('PROMOTION_NOT_FOUND') });
  });
});

describe('control', () => {
  const answer = (outcome: ControlOutcome) => call(createControl({ control: async () => outcome }), post({ promotionId: '7', action: 'pause' }));

  test('answers the numbers after the action', async () => {
    expect(await answer({ kind: 'APPLIED', info: numbers })).toMatchObject({
      status: 200,
      body: { success: true, message: '프로모션 7에 적용되었습니다.', data: { promotionId: 7, ...numbers } },
    });
  });

  test.each([
    ['NOT_FOUND', 404, 'PROMOTION_NOT_FOUND'],
    ['CLOSED', 409, 'PROMOTION_CLOSED'],
    ['NOT_CLOSED', 409, 'PROMOTION_NOT_CLOSED'],
  ] as const)('%s', async (kind, status, code) => {
    expect(await answer({ kind })).toMatchObject({ status, body: error(code) });
  });

  test('passes on the action with just its own fields', async () => {
    const control = vi.fn(async (): Promise<ControlOutcome> => ({ kind: 'NOT_FOUND' }));
    const handler = createControl({ control });
    await call(handler, post({ promotionId: 7, action: 'restock', quantity: 5, requestId: 'r-1', more: 1 }));
    await call(handler, post({ promotionId: 7, action: 'close', quantity: 'ignored' }));
    expect(control.mock.calls).toEqual([['7', { action: 'restock', quantity: 5, requestId: 'r-1' }], ['7', { action: 'close' }]]);
  });
});
