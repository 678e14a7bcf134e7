import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type StageName, stages } from '../../lib/stages.ts';
import { keptWarm, minutesToWarm, type Quota, quotasFor } from '../capacity/quotas.ts';
import { costOf } from './cost.ts';
import type { Item } from './item.ts';
import { usualSale } from './options.ts';
import { regions } from './prices.ts';
import { billRows, dollars } from './report.ts';
import { provisionedItem } from './sale.ts';

const file = path.join(import.meta.dirname, '../../docs/capacity.md');

/** Joins per second for which the page says what to raise, and the polls of each of these users meanwhile. */
const LEVELS = [1000, 10_000, 100_000];
const POLLS_PER_USER = 3;

const WHERE: Record<Quota['kind'], string> = {
  quota: 'Service Quotas',
  stage: '[lib/stages.ts](../lib/stages.ts)',
  provisioned: 'provisioned concurrency',
};

const markdown = (columns: readonly string[], rows: readonly (readonly string[])[]): string =>
  [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |')).join('\n');

const billTable = (bills: readonly (readonly Item[])[]): string => markdown(['', 'quantity', ...regions], billRows(bills));

const idleMonthTable = (stage: StageName): string => billTable(costOf(usualSale, stage, regions).regions.map(({ idleMonth }) => idleMonth.items));

function quotaTable(): string {
  const levels = LEVELS.map((joinsPerSecond) => quotasFor({ joinsPerSecond, pollsPerUser: POLLS_PER_USER }));
  const [first = []] = levels;
  const number = (value: number) => value.toLocaleString('en-US');
  const environments = levels.map(keptWarm);
  const hourly = environments.map((kept) => provisionedItem(kept, 1, stages.prod, 'us-east-1').usd);
  return markdown(
    ['', 'default', ...LEVELS.map((joins) => `${number(joins)} joins/s`), 'where'],
    [
      ...first.map(({ name, byDefault, kind }, i) => {
        const raised = levels.map((quotas) => quotas[i]?.raiseTo);
        return [name, number(byDefault), ...raised.map((value) => (value === undefined ? 'enough' : number(value))), WHERE[kind]];
      }),
      ['to warm them takes, minutes', '', ...environments.map((kept) => (kept > 0 ? number(minutesToWarm(kept)) : '–')), ''],
      ['they cost, an hour', '', ...hourly.map((usd) => (usd > 0 ? dollars(usd) : '–')), ''],
    ],
  );
}

/** The tables that the page gets from here, by the names in their markers. */
const tables: Readonly<Record<string, () => string>> = {
  quotas: quotaTable,
  'one sale': () => billTable(costOf(usualSale, 'prod', regions).regions.map(({ sale }) => sale.items)),
  'idle month of prod': () => idleMonthTable('prod'),
  'idle month of dev': () => idleMonthTable('dev'),
};

/**
 * A text with its tables as they should be, each between `<!-- name: … -->` and `<!-- end -->`.
 * @throws Error if it has no place for one of them.
 */
export function withTables(text: string): string {
  return Object.entries(tables).reduce((written, [name, table]) => {
    const place = new RegExp(`(<!-- ${name}: [^>]*-->\\n).*?(<!-- end -->)`, 's');
    if (!place.test(written)) throw new Error(`docs/capacity.md has no place for the table "${name}": give it the lines <!-- ${name}: npm run cost -- --write --> and <!-- end -->.`);
    return written.replace(place, (_, begin: string, end: string) => `${begin}\n${table()}\n\n${end}`);
  }, text);
}

/** Writes the tables of docs/capacity.md, and says so. */
export async function writeTables(): Promise<string> {
  await writeFile(file, withTables(await readFile(file, 'utf8')));
  return `The ${Object.keys(tables).length} tables of docs/capacity.md are written.`;
}
