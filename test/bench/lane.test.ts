import { describe, expect, it } from 'vitest';
import { Lane } from '../../bench/lane.ts';

describe('Lane', () => {
  it('runs so many at a time, first come first served, also after it was empty', async () => {
    const lane = new Lane(2);
    const began: number[] = [];
    let running = 0;
    let runningMax = 0;
    const task = (n: number) =>
      lane.run(async () => {
        began.push(n);
        running += 1;
        runningMax = Math.max(runningMax, running);
        await Promise.resolve();
        running -= 1;
        return n;
      });
    expect(await Promise.all([1, 2, 3, 4, 5].map(task))).toEqual([1, 2, 3, 4, 5]);
    expect(await Promise.all([6, 7, 8].map(task))).toEqual([6, 7, 8]);
    expect(began).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(runningMax).toBe(2);
  });

  it('goes on after a task that failed', async () => {
    const lane = new Lane(1);
    const failing = lane.run(() => Promise.reject(new Error('no')));
    const next = lane.run(() => Promise.resolve('yes'));
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('yes');
  });
});
