import { describe, expect, test } from 'vitest';
import { snapshot } from './invariants.ts';
import { expectFirstTicketsWon, settled, systemForFile, uniquePromotionId, users } from './system-for-tests.ts';

const on = systemForFile();

async function promotion(stock: number): Promise<string> {
  const p = uniquePromotionId();
  expect((await on.api.initStock(p, stock)).status).toBe(200);
  return p;
}
const joinAll = (p: string, crowd: string[]) => Promise.all(crowd.map((user) => on.api.join(p, user)));
/** All stand in line before the first is admitted: nobody is turned away at the door. */
async function saleOf(p: string, crowd: string[]): Promise<void> {
  await on.api.control(p, 'pause');
  await joinAll(p, crowd);
  await on.api.control(p, 'resume');
}

describe.concurrent('a sale', () => {
  test('one phone: in line, in processing, completed, in these words', async ({ expect }) => {
    const p = await promotion(1000);
    await on.api.control(p, 'pause');
    for (const user of users(4)) await on.api.join(p, user);
    const joined = await on.api.join(p, 'me');
    expect(joined.status).toBe(200);
    expect(joined.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(joined.body).toEqual({ success: true, message: '대기열 5번으로 등록되었습니다.', data: { position: 5, status: 'WAITING' } });
    expect((await on.api.join(p, 'me')).body).toEqual(joined.body);
    expect((await on.api.status(p, 'me')).body).toEqual({
      success: true,
      message: '상태 조회 성공',
      data: { status: 'WAITING', position: 5, totalWaiting: 5, estimatedWaitSeconds: 1, message: '대기 순번: 5번, 예상 대기시간: 약 1초' },
    });
    expect((await on.api.status(p, 'nobody')).body.data).toEqual({
      status: 'NOT_IN_QUEUE',
      position: 0,
      totalWaiting: 0,
      estimatedWaitSeconds: 0,
      message: '대기열에 등록되지 않았습니다.',
    });
    await on.api.control(p, 'resume');
    await expect.poll(() => on.api.stateOf(p, 'me'), { timeout: 10_000 }).toBe('COMPLETED');
    expect((await on.api.join(p, 'me')).body).toEqual({ success: true, message: '이미 쿠폰을 발급받으셨습니다.', data: { position: 0, status: 'COMPLETED' } });
    expect((await on.api.info(p)).body).toEqual({
      success: true,
      message: '큐 정보 조회 성공',
      data: { promotionId: p, currentStock: 995, queueSize: 0, processingCount: 0, initialStock: 1000, completedCount: 5, failedCount: 0, state: 'OPEN' },
    });
  });

  test('numbers and strings name the same promotion and user', async ({ expect }) => {
    const id = 1_000_000 + Math.floor(Math.random() * 1e9);
    expect((await on.api.initStock(id, 5)).body).toEqual({
      success: true,
      message: `프로모션 ${id}의 재고가 5개로 초기화되었습니다.`,
      data: { promotionId: id, stock: 5 },
    });
    await on.api.control(id, 'pause');
    await on.api.join(id, 100);
    expect((await on.api.join(String(id), '100')).body.data).toEqual({ position: 1, status: 'WAITING' });
    expect((await on.api.join(`0${id}`, 100)).status).toBe(404);
  });

  test('the sell-out boundary: stock 30, line 100, everyone is told and the first 30 tickets win', async ({ expect }) => {
    const p = await promotion(30);
    await saleOf(p, users(100));
    const after = await settled(on.redis, p);
    expectFirstTicketsWon(after, 30);
    for (const user of users(100)) expect(await on.api.stateOf(p, user)).toBe(after.statuses.get(user));
    expect((await on.api.info(p)).body.data).toMatchObject({ currentStock: 0, completedCount: 30, failedCount: 70, queueSize: 0, processingCount: 0 });
    const late = await on.api.join(p, 'late');
    expect([late.status, late.body.error?.code]).toEqual([409, 'SOLD_OUT']);
    expect((await on.api.join(p, after.statuses.get('u1') === 'FAILED' ? 'u1' : 'u2')).status).toBe(200);
    expect((await snapshot(on.redis, p)).tickets.has('late')).toBe(false);
  });

  test('more stock than users: everyone wins; positions only fall and states only go forward', async ({ expect }) => {
    const p = await promotion(500);
    await joinAll(p, users(60));
    const order = ['WAITING', 'PROCESSING', 'COMPLETED'];
    await Promise.all(
      users(60).map(async (user) => {
        let last = { state: 0, position: Infinity };
        // Bounded: 60 users at 10 each 100 ms are done in a second.
        for (let i = 0; i < 300 && last.state < 2; i++) {
          const { data } = (await on.api.status(p, user)).body;
          const seen = { state: order.indexOf(String(data?.status)), position: Number(data?.position) };
          expect(seen.state).toBeGreaterThanOrEqual(last.state);
          expect(seen.position).toBeLessThanOrEqual(last.position);
          last = seen;
          await new Promise((resolve) => setTimeout(resolve, 30));
        }
        expect(last.state).toBe(2);
      }),
    );
    expectFirstTicketsWon(await settled(on.redis, p), 60);
  });

  test('restock after the sell-out: newcomers win, who failed stays failed, a retried restock adds nothing', async ({ expect }) => {
    const p = await promotion(5);
    await saleOf(p, users(20));
    await settled(on.redis, p);
    expect((await on.api.join(p, 'new')).status).toBe(409);
    for (let i = 0; i < 2; i++) {
      const { status, body } = await on.api.control(p, 'restock', { quantity: 3, requestId: 'delivery-1' });
      expect(status).toBe(200);
      expect(body).toMatchObject({ message: `프로모션 ${p}에 적용되었습니다.`, data: { initialStock: 8, currentStock: 3 } });
    }
    const failedBefore = [...(await snapshot(on.redis, p)).statuses].filter(([, status]) => status === 'FAILED').map(([user]) => user);
    await on.api.control(p, 'pause');
    for (const user of users(5, 101)) await on.api.join(p, user);
    await on.api.control(p, 'resume');
    const after = await settled(on.redis, p);
    expect(users(5, 101).map((user) => after.statuses.get(user))).toEqual(['COMPLETED', 'COMPLETED', 'COMPLETED', 'FAILED', 'FAILED']);
    expect(failedBefore).toHaveLength(15);
    for (const user of failedBefore) expect(after.statuses.get(user)).toBe('FAILED');
  });

  test('pause, resume and close mid-sale', async ({ expect }) => {
    const p = await promotion(1000);
    await on.api.control(p, 'pause');
    await joinAll(p, users(80));
    expect((await on.api.info(p)).body.data).toMatchObject({ state: 'PAUSED', queueSize: 80, completedCount: 0 });
    await on.api.control(p, 'resume');
    await expect.poll(async () => (await on.api.info(p)).body.data?.completedCount, { timeout: 10_000 }).toBeGreaterThan(0);
    const closed = await on.api.control(p, 'close');
    expect(closed.body.data).toMatchObject({ state: 'CLOSED', queueSize: 0 });
    const last = (await snapshot(on.redis, p)).line.at(-1);
    if (last !== undefined) expect(await on.api.stateOf(p, last)).toBe('FAILED');
    for (const [action, more] of [['pause', {}], ['resume', {}], ['restock', { quantity: 1, requestId: 'r' }]] as const) {
      expect((await on.api.control(p, action, more)).body.error?.code).toBe('PROMOTION_CLOSED');
    }
    expect((await on.api.control(p, 'close')).status).toBe(200);
    expect((await on.api.join(p, 'late')).body.error?.code).toBe('PROMOTION_CLOSED');
    const after = await settled(on.redis, p);
    expectFirstTicketsWon(after, [...after.statuses.values()].filter((status) => status === 'COMPLETED').length);
  });

  test('removed mid-sale: unknown at once, deleted in the end, and its id may live again', async ({ expect }) => {
    const p = await promotion(20);
    await saleOf(p, users(60));
    expect((await on.api.control(p, 'remove')).body.error?.code).toBe('PROMOTION_NOT_CLOSED');
    await on.api.control(p, 'close');
    expect((await on.api.control(p, 'remove')).status).toBe(200);
    expect((await on.api.info(p)).body.error?.code).toBe('PROMOTION_NOT_FOUND');
    expect((await on.api.control(p, 'remove')).body.error?.code).toBe('PROMOTION_NOT_FOUND');
    expect((await on.api.join(p, 'u1')).body.error?.code).toBe('PROMOTION_NOT_FOUND');
    expect(await on.api.stateOf(p, 'u1')).toBe('NOT_IN_QUEUE');
    await expect.poll(() => on.redis.keys(`*{${p}}*`), { timeout: 10_000 }).toEqual([]);
    expect((await on.api.initStock(p, 2)).status).toBe(200);
    await saleOf(p, ['u9', 'u8', 'u7']);
    expectFirstTicketsWon(await settled(on.redis, p), 2);
  });

  test('init-stock: again while nobody has joined, then never another value', async ({ expect }) => {
    const p = await promotion(10);
    expect((await on.api.initStock(p, 20)).body.data).toEqual({ promotionId: p, stock: 20 });
    await on.api.join(p, 'a');
    expect((await on.api.initStock(p, 20)).status).toBe(200);
    const other = await on.api.initStock(p, 30);
    expect([other.status, other.body.error?.code]).toEqual([409, 'PROMOTION_IN_PROGRESS']);
    await settled(on.redis, p);
    expect((await on.api.initStock(p, 20)).body.data).toEqual({ promotionId: p, stock: 20 });
    expect((await on.api.info(p)).body.data).toMatchObject({ currentStock: 19, completedCount: 1 });
  });
});
