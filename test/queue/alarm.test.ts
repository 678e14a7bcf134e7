import { expect, test } from 'vitest';
import { Alarm } from '../../lambda/queue/alarm.ts';
import { type Clock, HOLD_MS_MAX, realClock } from '../../lambda/queue/clock.ts';

/** A clock whose time passes only while somebody waits, and whose timers come late. */
function slowClock(timerLateMs: number) {
  let nowMs = 0;
  const waits: string[] = [];
  const clock: Clock = {
    now: () => nowMs,
    wallNow: () => nowMs,
    after: (ms, callback) => {
      waits.push(`timer ${ms}`);
      nowMs += ms + timerLateMs;
      queueMicrotask(callback);
      return () => undefined;
    },
    hold: async (untilMs) => {
      waits.push('hold');
      nowMs = Math.max(nowMs, untilMs);
    },
  };
  return { clock, waits };
}

/** Waits as the loop does: again and again, until the time has come. */
async function reach(alarm: Alarm, clock: Clock, untilMs: number): Promise<number> {
  while (clock.now() < untilMs) await alarm.wait(untilMs - clock.now());
  return clock.now();
}

test.each([0, 0.5, 1.2])('an exact alarm whose timers come %d ms late is a quarter of a ms late', async (timerLateMs) => {
  for (const untilMs of [0.3, 1, 2, 2.5, 4.7, 50, 49.999, 199.5]) {
    const { clock, waits } = slowClock(timerLateMs);
    const lateMs = (await reach(new Alarm(clock, true), clock, untilMs)) - untilMs;
    expect(lateMs, `at ${untilMs}: ${waits.join()}`).toBeCloseTo(untilMs > HOLD_MS_MAX && untilMs < HOLD_MS_MAX + timerLateMs - 1 ? timerLateMs : 0.25);
  }
});

test('one that is not exact never stands still, and sleeps its time in one piece', async () => {
  const { clock, waits } = slowClock(0);
  await reach(new Alarm(clock, false), clock, 1000);
  expect(waits).toEqual(['timer 1', 'timer 999']);
});

test('rung, it ends its sleep, or else the next one', async () => {
  const alarm = new Alarm(realClock, true);
  const startedAt = performance.now();
  const sleeping = alarm.wait(60_000);
  setTimeout(() => alarm.ring(), 20);
  await sleeping;
  alarm.ring();
  await alarm.wait(60_000);
  expect(performance.now() - startedAt).toBeLessThan(30_000);
});

test('the real clock holds until the time, for 2 ms at most, and lets what has arrived go first', async () => {
  const order: string[] = [];
  const untilMs = performance.now() + 1.5;
  setImmediate(() => order.push('arrived'));
  await realClock.hold(untilMs).then(() => order.push('held'));
  expect(performance.now()).toBeGreaterThanOrEqual(untilMs - 0.1);
  expect(order).toEqual(['arrived', 'held']);
  const startedAt = performance.now();
  await realClock.hold(startedAt + 60_000);
  expect(performance.now() - startedAt).toBeLessThan(30_000);
});
