import type { InvokeResult } from './function-process.ts';

export interface ScheduleTarget {
  input: string;
  invoke(payload: string): Promise<InvokeResult>;
}

export interface Schedule {
  /** Fires no more; calls that run go on. */
  stop(): void;
}

/**
 * Fires every target at once and then each period, counted from the start. Calls may overlap. Periods that the machine slept
 * through are left out, as EventBridge does not make up for lost time either.
 * @param log told in a sentence when a call fails
 */
export function startSchedule(targets: readonly ScheduleTarget[], periodMs: number, log: (sentence: string) => void): Schedule {
  const startMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let nextPeriod = 0;
  let stopped = false;
  // A call that a stop cuts short is no news.
  const logUnlessStopped = (sentence: string): void => (stopped ? undefined : log(sentence));

  const fire = (): void => {
    for (const target of targets) void call(target, logUnlessStopped);
    // A timer may fire a moment early, so the period that is over can't be told from the time alone.
    nextPeriod = Math.max(nextPeriod + 1, Math.ceil((performance.now() - startMs) / periodMs));
    timer = setTimeout(fire, startMs + nextPeriod * periodMs - performance.now());
  };
  fire();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

async function call(target: ScheduleTarget, log: (sentence: string) => void): Promise<void> {
  const sentence = failureOf(await target.invoke(target.input));
  if (sentence !== undefined) log(sentence);
}

function failureOf(result: InvokeResult): string | undefined {
  if (result.outcome === 'answered') return undefined;
  if (result.outcome === 'throttled') return 'A scheduled call found no free process.';
  return `A scheduled call failed: ${result.error.errorType}: ${result.error.errorMessage.split('\n', 1)[0]}`;
}
