/** The time as a run of the loop sees it; a simulation brings its own. */
export interface Clock {
  /** Monotonic time (ms). */
  now: () => number;
  /** Wall clock (ms since 1970), good enough to guess the age of an entry. */
  wallNow: () => number;
  /** Calls back once after so many ms, or a ms or two later; the answer cancels that. */
  after: (ms: number, callback: () => void) => () => void;
  /** Waits on the spot until a time that is HOLD_MS_MAX away at most, to a tenth of a ms; what has arrived before is looked at first. */
  hold: (untilMs: number) => Promise<void>;
}

/** Longest time for which the process may stand still: a timer of Node comes up to 1.2 ms late, and must still be early enough. */
export const HOLD_MS_MAX = 2;

const nobodyWakes = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

export const realClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  async hold(untilMs) {
    await new Promise((resolve) => void setImmediate(resolve));
    const leftMs = Math.min(untilMs - performance.now(), HOLD_MS_MAX);
    // Sleeps and uses no CPU, unlike a loop that asks for the time.
    if (leftMs > 0) Atomics.wait(nobodyWakes, 0, 0, leftMs);
  },
};
