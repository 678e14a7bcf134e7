import type { Price, Region } from './prices.ts';

/** One line of a bill. */
export interface Item {
  readonly name: string;
  readonly quantity: number;
  readonly unit: string;
  readonly usd: number;
  /** Whether the price was assumed. */
  readonly assumed: boolean;
}

/** So much of something, at its price in a region. */
export const itemOf = (region: Region, name: string, quantity: number, price: Price): Item => ({
  name,
  quantity,
  unit: price.unit,
  usd: (quantity / price.per) * price.usd[region],
  assumed: price.assumed.includes(region),
});

/** What the lines come to. */
export const total = (items: readonly Item[]): number => items.reduce((sum, { usd }) => sum + usd, 0);
