import { describe, expect, it } from 'vitest';
import { Agenda } from '../../bench/agenda.ts';

describe('Agenda', () => {
  it('wakes each sleeper in time, the earlier first', async () => {
    const agenda = new Agenda();
    const began = performance.now();
    const woken: number[] = [];
    await Promise.all(
      [60, 0, 30].map(async (ms) => {
        await agenda.sleep(ms);
        woken.push(ms);
        // It sleeps on a grid of 10 ms, so it may wake one step early.
        expect(performance.now() - began).toBeGreaterThanOrEqual(ms - 10);
      }),
    );
    expect(woken).toEqual([0, 30, 60]);
    agenda.stop();
  });

  it('wakes everyone when it is stopped, and lets nobody sleep afterwards', async () => {
    const agenda = new Agenda();
    const asleep = agenda.sleep(1_000_000);
    agenda.stop();
    await expect(asleep).resolves.toBeUndefined();
    await expect(agenda.sleep(1_000_000)).resolves.toBeUndefined();
  });
});
