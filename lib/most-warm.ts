import type { WarmPeriod } from './stages.ts';

/** The most environments that any period keeps ready of each function; functions that none keeps are left out. */
export function mostWarm(periods: readonly WarmPeriod[]): Map<keyof WarmPeriod['environments'], number> {
  const most = new Map<keyof WarmPeriod['environments'], number>();
  for (const { environments } of periods) {
    for (const [name, count] of Object.entries(environments) as [keyof WarmPeriod['environments'], number][]) {
      most.set(name, Math.max(count, most.get(name) ?? 0));
    }
  }
  return most;
}
