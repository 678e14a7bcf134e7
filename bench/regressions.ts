import type { Results } from './results.ts';
import type { Figure } from './scenario.ts';

/** A figure may be this much worse than the committed one. */
const TOLERANCE = 0.25;

/** The checked figures of a run that are more than TOLERANCE worse than in the committed results, each in one sentence. */
export function regressions(committed: Results, scenario: string, figures: readonly Figure[]): string[] {
  const before = new Map(committed[scenario]?.outcome.figures.map((figure) => [figure.name, figure]));
  return figures.flatMap(({ name, checked, better, value: { median } }) => {
    const old = before.get(name)?.value.median;
    if (!checked || old === undefined) return [];
    const rise = (better === 'lower' ? median / old : old / median) - 1;
    return rise <= TOLERANCE ? [] : [`${name} is ${median.toPrecision(3)}, and was ${old.toPrecision(3)}: ${Math.round(rise * 100)} % worse, more than ${TOLERANCE * 100} %.`];
  });
}
