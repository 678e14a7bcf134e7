/** Regions with a price in the table. */
export const regions = ['us-east-1', 'ap-northeast-2'] as const;
export type Region = (typeof regions)[number];

/** The day on which prices were read. */
export const PRICES_READ = '2026-11-23';

/** What AWS asks for something, without any free tier or discount. */
export interface Price {
  readonly usd: Readonly<Record<Region, number>>;
  /** So many of `unit` cost that much. */
  readonly per: number;
  readonly unit: string;
  /** Where the price was not read but recalled, or taken from another region: look it up before you rely on it. */
  readonly assumed: readonly Region[];
}

const priceOf = (usEast1: number, apNortheast2: number, per: number, unit: string, assumed: readonly Region[] = []): Price => ({
  usd: { 'us-east-1': usEast1, 'ap-northeast-2': apNortheast2 },
  per,
  unit,
  assumed,
});

const MILLION = 1e6;
/** r7g.large was found for us-east-1 alone; Seoul asks a fifth to a half more for nodes of this kind. */
const SEOUL_NODE_FACTOR = 1.2;
const R7G_LARGE_USD = 0.1752;

/** First tiers only: the next ones begin at 300 million requests, 10 TB of logs or of transfer, 10,000 metrics a month. */
export const prices = {
  httpApi: priceOf(1, 1.23, MILLION, 'requests'),
  lambdaRequests: priceOf(0.2, 0.2, MILLION, 'requests'),
  /** ARM, as all functions are. */
  lambdaDuration: priceOf(0.0000133334, 0.0000133334, 1, 'GB-s'),
  provisionedConcurrency: priceOf(0.0000033334, 0.0000033334, 1, 'GB-s', regions),
  /** A standard queue; each 64 KB of a request count as one. */
  sqs: priceOf(0.4, 0.4, MILLION, 'requests', regions),
  interfaceEndpoint: priceOf(0.01, 0.013, 1, 'zone hours', ['us-east-1']),
  logsIngested: priceOf(0.5, 0.76, 1, 'GB'),
  logsKept: priceOf(0.03, 0.0314, 1, 'GB months', ['ap-northeast-2']),
  metrics: priceOf(0.3, 0.3, 1, 'metrics', ['ap-northeast-2']),
  alarms: priceOf(0.1, 0.1, 1, 'alarm metrics', ['ap-northeast-2']),
  dashboards: priceOf(3, 3, 1, 'dashboard', ['ap-northeast-2']),
  transferOut: priceOf(0.09, 0.126, 1, 'GB', ['ap-northeast-2']),
  betweenZones: priceOf(0.01, 0.01, 1, 'GB', regions),
  snapshots: priceOf(0.085, 0.085, 1, 'GB months', regions),
} satisfies Record<string, Price>;

/** Nodes of Valkey, on demand. */
const nodePrices = new Map<string, Price>([
  ['cache.t4g.micro', priceOf(0.0128, 0.0192, 1, 'node hours', ['us-east-1'])],
  ['cache.r7g.large', priceOf(R7G_LARGE_USD, R7G_LARGE_USD * SEOUL_NODE_FACTOR, 1, 'node hours', regions)],
]);

/**
 * What a node of this type costs.
 * @throws Error if the table does not say.
 */
export function nodePrice(nodeType: string): Price {
  const price = nodePrices.get(nodeType);
  if (!price) throw new Error(`There is no price for ${nodeType}: add one to bench/cost/prices.ts, which knows ${[...nodePrices.keys()].join(', ')}.`);
  return price;
}
