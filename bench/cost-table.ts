import { type Contender, type Measured, ratio, sample } from './rounds.ts';
import type { Column, Table } from './scenario.ts';

interface CostTable {
  name: string;
  title: string;
  contenders: readonly Contender[];
  measured: Measured;
  /** The contender that the others' server CPU is divided by. */
  base: string;
}

/** What an operation of each contender costs, with its server CPU drawn as bars. */
export function costTable({ name, title, contenders, measured, base }: CostTable): Table {
  const times = `÷ ${base}`;
  const columns: Column[] = [
    { name: 'server CPU', unit: 'µs' },
    { name: times, unit: '×' },
    { name: 'rate', unit: '/s' },
    { name: 'client CPU', unit: 'µs' },
  ];
  const rows = contenders.map((contender) => ({
    name: contender.name,
    values: {
      'server CPU': sample(measured, contender.name, 'serverMicros'),
      [times]: ratio(measured, contender.name, base, 'serverMicros'),
      rate: sample(measured, contender.name, 'perSecond'),
      'client CPU': sample(measured, contender.name, 'clientMicros'),
    },
  }));
  return { name, title, columns, rows, chart: { kind: 'bars', columns: ['server CPU'] } };
}
