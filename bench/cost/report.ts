import { shortNumber } from '../numbers.ts';
import { textTable } from '../text-table.ts';
import type { Cost } from './cost.ts';
import { type Item, total } from './item.ts';

const HALF_A_CENT = 0.005;

/** An amount of money as a bill shows it. */
export function dollars(usd: number): string {
  if (usd > 0 && usd < HALF_A_CENT) return '< $0.01';
  return `$${usd.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** The lines of bills of the same lines, each bill a column, and their sums; what costs nothing anywhere is left out. */
export function billRows(bills: readonly (readonly Item[])[]): string[][] {
  const [first = []] = bills;
  const rows = first.flatMap(({ name, quantity, unit }, i) => {
    const same = bills.map((items) => items[i]);
    if (same.every((item) => item?.usd === 0)) return [];
    return [[name, `${shortNumber(quantity)} ${unit}`, ...same.map((item) => `${dollars(item?.usd ?? 0)}${item?.assumed ? ' *' : ''}`)]];
  });
  return [...rows, ['total', '', ...bills.map((items) => dollars(total(items)))]];
}

/** Where a phone polls more often than was asked for, or less often, the bill is for another sale. */
const FAR_OFF = 2;

/** Says how the sale goes at the pace of the stage, and whether the polls that were asked for fit that. */
function courseSentence({ course, sale, stage }: Cost): string {
  const { soldOutAfterSeconds, pollsPerUser, pollsPerSecond } = course;
  const fit = sale.pollsPerUser * FAR_OFF >= pollsPerUser && sale.pollsPerUser <= pollsPerUser * FAR_OFF;
  return [
    `At the pace of ${stage} the coupons last for ${shortNumber(soldOutAfterSeconds)} s, and a phone polls ${shortNumber(pollsPerUser)} times in that time.`,
    `With everyone in line that makes ${shortNumber(pollsPerSecond)} polls/s.`,
    ...(fit ? [] : [`${shortNumber(sale.pollsPerUser)} polls are those of another pace: change --polls, or the stage's batchSize and drainIntervalMs.`]),
  ].join(' ');
}

/** The whole of it as text. */
export function costReport(cost: Cost): string {
  const { sale, stage, regions } = cost;
  const names = regions.map(({ region }) => region);
  return [
    textTable(
      `One sale: ${sale.joins.toLocaleString('en-US')} joins, ${sale.pollsPerUser} polls each, ${sale.coupons.toLocaleString('en-US')} coupons, stage ${stage}`,
      ['', 'quantity', ...names],
      billRows(regions.map(({ sale: { items } }) => items)),
    ),
    courseSentence(cost),
    textTable(
      `A month in which nothing is sold, stage ${stage}`,
      ['', 'quantity', ...names],
      billRows(regions.map(({ idleMonth: { items } }) => items)),
    ),
    `Prices of ${cost.pricesRead}, on demand. * This price was not read but assumed: bench/cost/prices.ts.`,
    textTable(
      'Counted with',
      ['', '', 'source'],
      Object.values(cost.assumptions).map(({ value, unit, source }) => [value.toLocaleString('en-US'), unit, source]),
    ),
    ['Not counted', ...cost.notCounted.map((what) => `  - ${what}`)].join('\n'),
  ].join('\n\n');
}
