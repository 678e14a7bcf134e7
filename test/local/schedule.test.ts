import { expect, it, onTestFinished, vi } from 'vitest';
import type { InvokeResult } from '../../local/function-process.ts';
import { startSchedule } from '../../local/schedule.ts';

const PERIOD_MS = 40;
const ok: InvokeResult = { outcome: 'answered', payload: 'null' };

it('fires every target at once and each period, with its input, also while earlier calls run', async () => {
  const fired: { input: string; atMs: number }[] = [];
  const startMs = performance.now();
  const invoke = (input: string): Promise<InvokeResult> => {
    fired.push({ input, atMs: performance.now() - startMs });
    return new Promise(() => {});
  };
  const schedule = startSchedule([{ input: 'a', invoke }, { input: 'b', invoke }], PERIOD_MS, () => {});
  onTestFinished(() => schedule.stop());
  expect(fired.map(({ input }) => input)).toEqual(['a', 'b']);
  await vi.waitFor(() => expect(fired.length).toBeGreaterThanOrEqual(8), 5000);
  for (const [index, { atMs }] of fired.filter(({ input }) => input === 'a').entries()) {
    // A timer may fire a moment early; late it may be as much as the machine likes.
    expect(atMs).toBeGreaterThan((index - 0.5) * PERIOD_MS);
  }
});

it('fires no more when it is stopped', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const invoke = vi.fn<() => Promise<InvokeResult>>(async () => ok);
  const schedule = startSchedule([{ input: '', invoke }], PERIOD_MS, () => {});
  vi.advanceTimersByTime(PERIOD_MS);
  expect(invoke).toHaveBeenCalledTimes(2);
  schedule.stop();
  vi.advanceTimersByTime(10 * PERIOD_MS);
  expect(invoke).toHaveBeenCalledTimes(2);
});

it('leaves out periods that it slept through, and keeps to the old beat', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  let nowMs = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  onTestFinished(() => clock.mockRestore());
  const pass = (ms: number): void => {
    nowMs += ms;
    vi.advanceTimersByTime(ms);
  };
  const invoke = vi.fn<() => Promise<InvokeResult>>(async () => ok);
  const schedule = startSchedule([{ input: '', invoke }], PERIOD_MS, () => {});
  onTestFinished(() => schedule.stop());

  // Asleep, no timer fires; the one that is due fires on waking up.
  nowMs = 9.5 * PERIOD_MS;
  pass(PERIOD_MS);
  expect(invoke).toHaveBeenCalledTimes(2);
  pass(0.5 * PERIOD_MS - 1);
  expect(invoke).toHaveBeenCalledTimes(2);
  pass(1);
  expect(invoke).toHaveBeenCalledTimes(3);
});

it('says in a sentence what went wrong with a call, and goes on', async () => {
  const results: InvokeResult[] = [
    { outcome: 'failed', error: { errorType: 'TypeError', errorMessage: 'no\nstack' } },
    { outcome: 'throttled' },
    ok,
  ];
  const sentences: string[] = [];
  const schedule = startSchedule([{ input: '', invoke: async () => results.shift() ?? ok }], PERIOD_MS, (line) => sentences.push(line));
  onTestFinished(() => schedule.stop());
  await vi.waitFor(() => expect(results).toEqual([]), 5000);
  expect(sentences).toEqual(['A scheduled call failed: TypeError: no', 'A scheduled call found no free process.']);
});
