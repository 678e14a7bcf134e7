import type { Sample, Unit } from './scenario.ts';

/** Digits that a reader can use; what is measured here is not more exact. */
const DIGITS = 3;

/** A number of three digits, with commas between thousands. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const rounded = Number(value.toPrecision(DIGITS));
  return rounded.toLocaleString('en-US', { maximumFractionDigits: Math.max(0, DIGITS - 1 - Math.floor(Math.log10(Math.abs(rounded) || 1))) });
}

/** A number of a unit in which each digit counts (bytes) or three do. */
export const inUnit = (value: number, unit: Unit): string => (unit === 'bytes' ? Math.round(value).toLocaleString('en-US') : shortNumber(value));

/** The median, and in brackets the least and the most, if there was more than one round. */
export function withSpread({ median, min, max }: Sample, unit: Unit): string {
  const middle = inUnit(median, unit);
  return min === max ? middle : `${middle} (${inUnit(min, unit)}–${inUnit(max, unit)})`;
}
