import { describe, expect, test } from 'vitest';
import type { Gauges } from '../../lambda/queue/gauges.ts';
import { STANDSTILL_MS, Watch, WATCHED_MAX } from '../../lambda/queue/watch.ts';

const PERIOD_MS = 10_000;

/** A watch over promotions whose numbers a test sets, and whose time passes with each reading. */
function watchOver(...ids: string[]) {
  let nowMs = 0;
  const numbers = new Map<string, Gauges | Error | null>(ids.map((id) => [id, { state: 'OPEN', joined: 0, inLine: 0, inProcessing: 0, issued: 0, failed: 0, stock: 10, nowServing: 0, broken: [] }]));
  const reads: string[] = [];
  const watch = new Watch(
    async (id) => {
      reads.push(id);
      const found = numbers.get(id) ?? null;
      if (found instanceof Error) throw found;
      return found;
    },
    () => nowMs,
  );
  return {
    watch,
    set: (id: string, change: Partial<Gauges>) => void numbers.set(id, { ...(numbers.get(id) as Gauges), ...change }),
    put: (id: string, value: Error | null) => void numbers.set(id, value),
    read: async () => {
      reads.length = 0;
      nowMs += PERIOD_MS;
      const { active, watched, failed } = await watch.read();
      return { active, ids: [...reads], waits: watched.map(({ waitSeconds }) => waitSeconds), still: watched.map(({ standsStill }) => standsStill), failed };
    },
  };
}

describe('the watch', () => {
  test('reads promotions that have anything to do, those that have come to rest once more, and then no longer', async () => {
    const { watch, read } = watchOver('busy', 'short', 'idle');
    watch.visited('idle', true);
    watch.visited('busy', false);
    watch.visited('short', false);
    watch.visited('short', true);
    expect(await read()).toMatchObject({ active: 2, ids: ['busy', 'short'] });
    watch.visited('busy', true);
    expect(await read()).toMatchObject({ active: 1, ids: ['busy'] });
    expect(await read()).toMatchObject({ active: 0, ids: [] });
  });

  test('of many, the busiest, and where nothing moves those that were there first', async () => {
    const ids = Array.from({ length: 2 * WATCHED_MAX }, (_, i) => `p${i}`);
    const { watch, read } = watchOver(...ids);
    for (const id of ids) watch.visited(id, false);
    expect(await read()).toMatchObject({ active: ids.length, ids: ids.slice(0, WATCHED_MAX) });
    for (const [i, id] of ids.entries()) watch.admitted(id, i);
    expect((await read()).ids).toEqual(ids.toReversed().slice(0, WATCHED_MAX));
    // What was admitted before counts no more.
    expect((await read()).ids).toEqual(ids.slice(0, WATCHED_MAX));
    for (const id of ids) watch.visited(id, true);
    await read();
    expect(await read()).toMatchObject({ active: 0, ids: [] });
  });

  test('tells how long a newcomer will wait, once it has seen the line move', async () => {
    const { watch, set, read } = watchOver('p');
    watch.visited('p', false);
    set('p', { inLine: 900 });
    expect((await read()).waits).toEqual([undefined]);
    set('p', { inLine: 800, nowServing: 100 });
    expect((await read()).waits).toEqual([80]);
    expect((await read()).waits).toEqual([undefined]);
    set('p', { inLine: 0, nowServing: 900 });
    expect((await read()).waits).toEqual([0]);
  });

  test('sees a line that stands still, unless it is paused', async () => {
    const { watch, set, read } = watchOver('p');
    watch.visited('p', false);
    set('p', { inLine: 5 });
    const readings = STANDSTILL_MS / PERIOD_MS;
    for (let i = 0; i < readings - 1; i++) expect((await read()).still).toEqual([false]);
    expect((await read()).still).toEqual([true]);
    set('p', { state: 'PAUSED' });
    expect((await read()).still).toEqual([false]);
    set('p', { state: 'OPEN' });
    expect((await read()).still).toEqual([false]);
    // One user is enough to be no standstill.
    for (let i = 1; i <= 2 * readings; i++) {
      set('p', { nowServing: Math.ceil(i / 2) });
      expect((await read()).still).toEqual([false]);
    }
  });

  test('one that can not be read holds up no other, one that is gone is forgotten', async () => {
    const { watch, put, read } = watchOver('away', 'gone', 'p');
    const away = new Error('away');
    put('away', away);
    put('gone', null);
    for (const id of ['away', 'gone', 'p']) watch.visited(id, false);
    expect(await read()).toMatchObject({ active: 3, waits: [0], failed: [{ promotionId: 'away', error: away }] });
    expect(await read()).toMatchObject({ active: 2, ids: ['away', 'p'] });
  });
});
