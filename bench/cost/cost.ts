import { type StageName, stages } from '../../lib/stages.ts';
import { type Assumption, assumptions, notCounted } from './assumptions.ts';
import { idleMonthItems } from './idle-month.ts';
import { type Item, total } from './item.ts';
import { PRICES_READ, type Region } from './prices.ts';
import { type Course, courseOf, type Sale, saleItems } from './sale.ts';

/** The lines of a bill and their sum. */
export interface Bill {
  readonly items: readonly Item[];
  readonly usd: number;
}

/** What a sale and an idle month cost, and all that this rests on. */
export interface Cost {
  readonly stage: StageName;
  readonly sale: Sale;
  readonly course: Course;
  readonly regions: readonly { readonly region: Region; readonly sale: Bill; readonly idleMonth: Bill }[];
  readonly pricesRead: string;
  readonly assumptions: Readonly<Record<string, Assumption>>;
  readonly notCounted: readonly string[];
}

const billOf = (items: readonly Item[]): Bill => ({ items, usd: total(items) });

/** Reckons what a sale costs in a stage, and a month in which that sale is over and nothing else is sold. */
export function costOf(sale: Sale, stage: StageName, regions: readonly Region[]): Cost {
  return {
    stage,
    sale,
    course: courseOf(sale, stages[stage]),
    regions: regions.map((region) => ({
      region,
      sale: billOf(saleItems(sale, stages[stage], region)),
      idleMonth: billOf(idleMonthItems(stages[stage], region, sale.joins)),
    })),
    pricesRead: PRICES_READ,
    assumptions,
    notCounted,
  };
}
