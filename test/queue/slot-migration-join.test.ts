import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { initStock } from '../../lambda/queue/init-stock.ts';
import joinSource from '../../lambda/queue/join.lua';
import { join } from '../../lambda/queue/join.ts';
import { joinKeys, keysOf, userStatusKey } from '../../lambda/queue/keys.ts';
import { composeScript } from '../../lambda/queue/script.ts';
import { brokenPromises } from '../invariants.ts';
import { users } from './promotion-for-test.ts';
import { snapshotAfterMove, TwoNodes, untilServed } from './two-nodes.ts';

const cluster = new TwoNodes();

test('half moved, a join is served for who is known, and refused by both nodes for a newcomer, in whichever order the keys move', async () => {
  const promotionId = 'door';
  const redis = cluster.connect();
  const slot = await cluster.slotOf(promotionId);
  await initStock(redis, promotionId, 10);
  const known = users(2);
  for (const user of known) await join(redis, promotionId, user);
  const { source } = composeScript(joinSource);
  /** What one node answers to a join, asked as a client that was sent there asks. */
  const joinAt = async (operator: Redis, user: string): Promise<unknown> => {
    const [, answer] = (await operator.pipeline().asking().eval(source, 4, ...joinKeys(promotionId, user), user).exec()) ?? [];
    return answer![0]?.message ?? answer![1];
  };
  const k = keysOf(promotionId);
  const [line, stock, hash, first] = [k.waitingQueue, k.stock, k.promotion, userStatusKey(promotionId, 'u1')];
  const orders = [
    [line, stock, hash, first],
    [line, first, hash, stock],
    [stock, hash, first, line],
    [hash, line, stock, first],
    [hash, first, line, stock],
    [first, stock, line, hash],
    [first, hash, line, stock],
  ];
  for (const order of orders) {
    const rank = (key: string) => (order.indexOf(key) + order.length + 1) % (order.length + 1);
    let steps = 0;
    await cluster.moveSlot(slot, (keys) => keys.toSorted((a, b) => rank(a) - rank(b)), 1, async () => {
      const before = await cluster.held(slot);
      for (const operator of cluster.operators) {
        expect(await joinAt(operator, 'newcomer')).toMatch(/^(TRYAGAIN|ASK) /);
        for (const [i, user] of known.entries()) {
          const answer = await joinAt(operator, user);
          if (typeof answer === 'number') expect(answer).toBe(i + 1);
          else expect(answer).toMatch(/^(TRYAGAIN|ASK) /);
        }
      }
      expect(await cluster.held(slot)).toEqual(before);
      steps += 1;
    });
    expect(steps).toBe(order.length + 1);
    expect(brokenPromises(await snapshotAfterMove(redis, promotionId))).toEqual([]);
  }
  expect(await untilServed(() => join(redis, promotionId, 'newcomer'))).toEqual({ kind: 'WAITING', position: 3 });
  expect(brokenPromises(await snapshotAfterMove(redis, promotionId))).toEqual([]);
});
