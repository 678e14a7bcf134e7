import { keysOf, PROMOTION_FIELDS } from './keys.ts';
import { readTogether } from './read.ts';
import type { RedisClient } from './redis.ts';

/** The numbers of a promotion at one instant, and whether they add up. Totals count from its first join. */
export interface Gauges {
  state: string;
  joined: number;
  inLine: number;
  inProcessing: number;
  issued: number;
  failed: number;
  stock: number;
  /** The highest ticket that has left the line. */
  nowServing: number;
  /** Server time at which it was made: another promotion of that id has another. */
  createdAtMs: number;
  /** A sentence for each sum that does not add up; there is never one unless something wrote to Redis that should not. */
  broken: string[];
}

/** What Redis holds of a promotion, counted. */
interface Counted {
  state: string;
  stock: number;
  initialStock: number;
  nowServing: number;
  createdAtMs: number;
  tickets: number;
  waiting: number;
  processing: number;
  leased: number;
}

/** Derives the gauges, and checks what must hold at every instant as far as counts can show it. */
export function deriveGauges({ state, stock, initialStock, nowServing, createdAtMs, tickets, waiting, processing, leased }: Counted): Gauges {
  // The line of a closed promotion has failed, whether the loop has moved it already or not.
  const inLine = state === 'CLOSED' ? 0 : waiting;
  const issued = initialStock - stock;
  const failed = tickets - issued - processing - inLine;
  const broken: string[] = [];
  const must = (holds: boolean, promise: string) => {
    if (!holds) broken.push(promise);
  };
  must(stock >= 0, `stock ${stock} is not negative`);
  must(issued >= 0, `stock ${stock} is at most the initial stock ${initialStock}`);
  must(processing <= stock, `in processing ${processing} is at most the stock ${stock}`);
  must(processing === leased, `in processing ${processing} = leases ${leased}`);
  must(tickets === nowServing + waiting, `tickets ${tickets} = now serving ${nowServing} + in line ${waiting}`);
  must(failed >= 0, `issued ${issued} + in processing ${processing} + in line ${inLine} is at most the joined ${tickets}`);
  return { state, joined: tickets, inLine, inProcessing: processing, issued, failed, stock, nowServing, createdAtMs, broken };
}

/** What only grows as long as a promotion is there. */
const TOTALS = ['joined', 'issued', 'nowServing'] as const;

/** A sentence for each total that has fallen since an earlier reading: someone wrote to the stock, or writes were lost in a failover. */
export function fallenTotals(earlier: Gauges, now: Gauges): string[] {
  if (earlier.createdAtMs !== now.createdAtMs) return [];
  return TOTALS.filter((total) => now[total] < earlier[total]).map((total) => `${total} ${now[total]} is at least the ${earlier[total]} of the reading before`);
}

/**
 * Reads the gauges of a promotion; null if there is none of that id, or it is being removed.
 * @throws RedisUnavailable, or Error if what is stored is no number
 */
export async function readGauges(redis: RedisClient, promotionId: string): Promise<Gauges | null> {
  const keys = keysOf(promotionId);
  const [promotion, fields, stock, waiting, processing, leased] = (await readTogether(redis, [
    ['hmget', keys.promotion, '#state', '#initialStock', '#nowServing', '#createdAtMs'],
    ['hlen', keys.promotion],
    ['get', keys.stock],
    ['llen', keys.waitingQueue],
    ['scard', keys.processing],
    ['zcard', keys.lease],
  ])) as [(string | null)[], number, string | null, number, number, number];
  const [state = null, initialStock = null, nowServing = null, createdAtMs = null] = promotion;
  if (state === null || state === 'REMOVING') return null;
  return deriveGauges({
    state,
    stock: wholeNumber(stock, 'stock'),
    initialStock: wholeNumber(initialStock, 'initialStock'),
    nowServing: wholeNumber(nowServing, 'nowServing'),
    createdAtMs: wholeNumber(createdAtMs, 'createdAtMs'),
    tickets: fields - PROMOTION_FIELDS.length,
    waiting,
    processing,
    leased,
  });
}

/** As no script writes it, but as it would be told: a negative number is a sum that does not add up, not a read that fails. */
function wholeNumber(text: string | null, name: string): number {
  if (text === null || !/^-?\d{1,15}$/.test(text)) throw new Error(`${name} is not a whole number`);
  return Number(text);
}
