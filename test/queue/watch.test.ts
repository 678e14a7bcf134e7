import { describe, expect, test } from 'vitest';
import type { Gauges } from '../../lambda/queue/gauges.ts';
import { CHECKED_MAX, STANDSTILL_MS, standstillMs, Watch, WATCHED_MAX } from '../../lambda/queue/watch.ts';

const PERIOD_MS = 10_000;

/** A watch over promotions whose numbers a test sets, and whose time passes with each reading. */
function watchOver(...ids: string[]) {
  let nowMs = 0;
  const numbers = new Map<string, Gauges | Error | null>(ids.map((id) => [id, { state: 'OPEN', joined: 0, inLine: 0, inProcessing: 0, issued: 0, failed: 0, stock: 10, nowServing: 0, createdAtMs: 1, broken: [] }]));
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
      return { active, ids: [...reads], told: watched.filter(({ told }) => told).map(({ promotionId }) => promotionId), broken: watched.flatMap(({ gauges }) => gauges.broken), stillIds: watched.filter(({ standsStill }) => standsStill).map(({ promotionId }) => promotionId), waits: watched.map(({ waitSeconds }) => waitSeconds), still: watched.map(({ standsStill }) => standsStill), failed };
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

  test('tells of many the busiest, and where nothing moves those that were there first', async () => {
    const ids = Array.from({ length: 2 * WATCHED_MAX }, (_, i) => `p${i}`);
    const { watch, read } = watchOver(...ids);
    for (const id of ids) watch.visited(id, false);
    expect(await read()).toMatchObject({ active: ids.length, told: ids.slice(0, WATCHED_MAX) });
    for (const [i, id] of ids.entries()) watch.admitted(id, i);
    expect((await read()).told).toEqual(ids.toReversed().slice(0, WATCHED_MAX));
    // What was admitted before counts no more.
    expect((await read()).told).toEqual(ids.slice(0, WATCHED_MAX));
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

  test('sees a line that stands still behind many that move, and takes none that moves for one', async () => {
    const movers = Array.from({ length: 2 * WATCHED_MAX }, (_, i) => `p${i}`);
    const { watch, set, read } = watchOver('stuck', ...movers);
    for (const id of ['stuck', ...movers]) {
      watch.visited(id, false);
      set(id, { inLine: 5 });
    }
    for (let i = 0; i <= STANDSTILL_MS / PERIOD_MS; i++) {
      for (const id of movers) watch.admitted(id, 1);
      expect((await read()).stillIds).toEqual(i + 1 < STANDSTILL_MS / PERIOD_MS ? [] : ['stuck']);
    }
  });

  test('one that is read for the first time after a while, but has moved, does not stand still', async () => {
    const { watch, set, put, read } = watchOver('p');
    put('p', new Error('away'));
    watch.visited('p', false);
    for (let i = 0; i < STANDSTILL_MS / PERIOD_MS; i++) await read();
    watch.admitted('p', 1);
    set('p', { state: 'OPEN', inLine: 5, nowServing: 1, broken: [] });
    expect((await read()).still).toEqual([false]);
  });

  test('sees a total that falls, which one reading alone can not show; of another promotion of that id it starts anew', async () => {
    const { watch, set, read } = watchOver('p');
    watch.visited('p', false);
    set('p', { joined: 9, issued: 5, stock: 5, nowServing: 6 });
    expect((await read()).broken).toEqual([]);
    set('p', { issued: 4, stock: 6 });
    expect((await read()).broken).toEqual(['issued 4 is at least the 5 of the reading before']);
    expect((await read()).broken).toEqual([]);
    set('p', { joined: 8, nowServing: 5 });
    expect((await read()).broken).toEqual(['joined 8 is at least the 9 of the reading before', 'nowServing 5 is at least the 6 of the reading before']);
    set('p', { joined: 1, issued: 0, stock: 10, nowServing: 0, createdAtMs: 2 });
    expect((await read()).broken).toEqual([]);
  });

  test('a slow pace is given time for three batches', () => {
    expect([50, 1000, 10_000, 60_000].map(standstillMs)).toEqual([STANDSTILL_MS, STANDSTILL_MS, STANDSTILL_MS, 180_000]);
  });

  test('of more than it may check, those that it has not checked come next', async () => {
    const ids = Array.from({ length: CHECKED_MAX + 100 }, (_, i) => `p${i}`);
    const { watch, read } = watchOver(...ids);
    for (const id of ids) watch.visited(id, false);
    expect((await read()).ids).toHaveLength(CHECKED_MAX);
    expect((await read()).ids).toEqual(expect.arrayContaining(ids.slice(-100)));
  });

  test('stops reading where Redis hangs, and goes on with the rest the next time', async () => {
    let nowMs = 0;
    const reads: string[] = [];
    const watch = new Watch(
      async (id) => {
        reads.push(id);
        nowMs += 1000;
        throw new Error('timed out');
      },
      () => nowMs,
    );
    for (let i = 0; i < 500; i++) watch.visited(`p${i}`, false);
    const { failed } = await watch.read();
    expect(failed.length).toBeLessThan(100);
    expect(reads).toHaveLength(failed.length);
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
