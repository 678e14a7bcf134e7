import { describe, expect, test } from 'vitest';
import { CHUNKS_AT_ONCE, ChunkTurns } from '../../lambda/queue/chunk-turns.ts';

/** Turns over chunks of which each takes a moment; `done` says whose they were, in order. */
function turnsForTest(stopAfter = Infinity) {
  const done: string[] = [];
  const failures: string[] = [];
  const begun: Promise<void>[] = [];
  let underWay = 0;
  let underWayMax = 0;
  const turns = new ChunkTurns({ stopping: () => done.length >= stopAfter, track: (work) => void begun.push(work), failed: (promotionId) => void failures.push(promotionId) });
  /** A promotion with so many chunks; one of `failing` fails. */
  const add = (promotionId: string, chunks: number, failing = false) =>
    turns.add(promotionId, async () => {
      underWayMax = Math.max(underWayMax, ++underWay);
      await new Promise((resolve) => void setImmediate(resolve));
      underWay -= 1;
      if (failing) throw new Error('the server is away');
      done.push(promotionId);
      return --chunks > 0;
    });
  const settled = async () => {
    // What is begun may begin more.
    for (let seen = 0; seen < begun.length; ) {
      seen = begun.length;
      await Promise.all(begun);
    }
    return { done, failures, underWayMax };
  };
  return { add, settled };
}

describe('chunks', () => {
  test('all are done, no more at once than the server can take between two other commands', async () => {
    const { add, settled } = turnsForTest();
    for (let i = 0; i < 20; i++) add(`p${i}`, 3);
    const { done, underWayMax } = await settled();
    expect(done).toHaveLength(60);
    expect(underWayMax).toBe(CHUNKS_AT_ONCE);
  });

  test('promotions take turns: a short one does not wait for a long one', async () => {
    const { add, settled } = turnsForTest();
    for (const promotionId of ['long', 'longer', 'longest']) add(promotionId, 50);
    add('short', 1);
    const { done } = await settled();
    expect(done.indexOf('short')).toBeLessThan(8);
  });

  test('one that fails is reported and left alone, the others go on; it may be added again', async () => {
    const { add, settled } = turnsForTest();
    add('broken', 5, true);
    add('whole', 3);
    expect(await settled()).toMatchObject({ done: ['whole', 'whole', 'whole'], failures: ['broken'] });
    add('broken', 2);
    expect((await settled()).done.slice(3)).toEqual(['broken', 'broken']);
  });

  test('one that is added again while it has its turns has no more of them', async () => {
    const { add, settled } = turnsForTest();
    for (let i = 0; i < 5; i++) add('same', 4);
    expect(await settled()).toMatchObject({ done: ['same', 'same', 'same', 'same'], underWayMax: 1 });
  });

  test('nothing begins once the run is to stop', async () => {
    const { add, settled } = turnsForTest(5);
    for (let i = 0; i < 3; i++) add(`p${i}`, 100);
    expect((await settled()).done.length).toBeLessThan(5 + CHUNKS_AT_ONCE);
  });
});
