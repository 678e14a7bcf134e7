import { PreconditionFailure } from 'fast-check';

/**
 * What a failed property prints can be given back: `PROPERTY_SEED=… PROPERTY_PATH=… npx vitest run FILE`, for a model also
 * PROPERTY_REPLAY (its replayPath). PROPERTY_RUNS asks for more runs than a test makes by itself, PROPERTY_SECONDS for more time.
 */
const { PROPERTY_SEED, PROPERTY_PATH, PROPERTY_REPLAY, PROPERTY_RUNS, PROPERTY_SECONDS } = process.env;

/** Whether one case is looked at again, so that what all of them together must show does not hold. */
export const replaying = PROPERTY_PATH !== undefined;

/** Time for making a counterexample smaller, after which it is shown as it is. */
const SHRINK_SECONDS = 30;
/** One run may take this long beyond the others. */
const LAST_RUN_SECONDS = 30;

/** Parameters of fc.assert for so many runs. */
export const repeated = (runs: number) => ({
  numRuns: Number(PROPERTY_RUNS ?? runs),
  ...(PROPERTY_SEED !== undefined && { seed: Number(PROPERTY_SEED) }),
  ...(PROPERTY_PATH !== undefined && { path: PROPERTY_PATH }),
});

/** Parameters of fc.commands. */
export const replayed = PROPERTY_REPLAY === undefined ? {} : { replayPath: PROPERTY_REPLAY };

const secondsOf = (seconds: number) => Number(PROPERTY_SECONDS ?? seconds);

/** Bounds a property in time: a slow machine tries fewer cases. (fast-check's own limit would leave the last case running.) */
export function timed<T extends unknown[]>(seconds: number, property: (...values: T) => Promise<void>): (...values: T) => Promise<void> {
  let endAt = performance.now() + secondsOf(seconds) * 1000;
  let failed = false;
  return async (...values) => {
    // Ends all of it: a million cases that do nothing would hold up this process, and the system that runs in it.
    if (performance.now() > endAt) throw new PreconditionFailure(true);
    try {
      await property(...values);
    } catch (error) {
      if (!failed) endAt = performance.now() + SHRINK_SECONDS * 1000;
      failed = true;
      throw error;
    }
  };
}

/** The time that a test with such a property may take. */
export const timeoutMs = (seconds: number) => (secondsOf(seconds) + SHRINK_SECONDS + LAST_RUN_SECONDS) * 1000;

/** Says in one line what was tried, where more was asked for. */
export function tell(line: string): void {
  if (PROPERTY_RUNS !== undefined || PROPERTY_SECONDS !== undefined) process.stdout.write(`${line}\n`);
}
