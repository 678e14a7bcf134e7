import type { RedisClient } from '../lambda/queue/redis.ts';
import { deriveGauges } from '../lambda/queue/gauges.ts';
import { isUserField, keysOf } from '../lambda/queue/keys.ts';

/** Everything that Redis holds of one promotion. */
export interface Snapshot {
  state: string | null;
  stock: number;
  initialStock: number;
  nowServing: number;
  line: string[];
  soldOutLine: string[];
  processing: string[];
  leases: string[];
  /** User → ticket. */
  tickets: Map<string, number>;
  /** User → status as written. */
  statuses: Map<string, string | null>;
}

/** Reads a promotion at one instant, by the keys alone. */
export async function snapshot(redis: RedisClient, promotionId: string): Promise<Snapshot> {
  const k = keysOf(promotionId);
  const users = (await redis.hkeys(k.promotion)).filter(isUserField);
  let multi = redis
    .multi()
    .hgetall(k.promotion)
    .get(k.stock)
    .lrange(k.waitingQueue, 0, -1)
    .lrange(k.soldOutQueue, 0, -1)
    .smembers(k.processing)
    .zrange(k.lease, '0', '-1');
  if (users.length > 0) multi = multi.mget(users.map((user) => k.userStatusPrefix + user));
  const replies = ((await multi.exec()) ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
  const [promotion, stock, line, soldOutLine, processing, leases, statuses = []] = replies as [
    Record<string, string>,
    string,
    string[],
    string[],
    string[],
    string[],
    (string | null)[]?,
  ];
  return {
    state: promotion['#state'] ?? null,
    stock: Number(stock),
    initialStock: Number(promotion['#initialStock']),
    nowServing: Number(promotion['#nowServing']),
    line,
    soldOutLine,
    processing,
    leases,
    tickets: new Map(Object.entries(promotion).filter(([field]) => isUserField(field)).map(([user, ticket]) => [user, Number(ticket)])),
    statuses: new Map(users.map((user, i) => [user, statuses[i] ?? null])),
  };
}

const count = (values: Iterable<string | null>, wanted: string) => [...values].filter((value) => value === wanted).length;

/**
 * What must hold at every instant, however the promotion came there: a sentence for each promise that is broken.
 * (That winners are the first tickets holds at every instant as long as nobody was restocked after a sell-out.)
 */
export function brokenPromises(s: Snapshot): string[] {
  const broken: string[] = [];
  const must = (holds: boolean, promise: string) => {
    if (!holds) broken.push(promise);
  };
  const completed = count(s.statuses.values(), 'COMPLETED');
  must(completed + s.stock === s.initialStock, `COMPLETED ${completed} + stock ${s.stock} = initial stock ${s.initialStock}`);
  must(s.stock >= 0, `stock ${s.stock} is not negative`);
  must(s.processing.length === s.leases.length, `|processing| ${s.processing.length} = |lease| ${s.leases.length}`);
  must(s.processing.length <= s.stock, `|processing| ${s.processing.length} <= stock ${s.stock}`);
  must(new Set(s.processing).symmetricDifference(new Set(s.leases)).size === 0, 'processing and lease hold the same users');

  const standing = [...s.line, ...s.soldOutLine];
  must(new Set(standing).size === standing.length, 'nobody stands in line twice');
  const inLine = new Set(standing);
  for (const [user, status] of s.statuses) {
    must(status !== null, `${user} has a status`);
    must((status === 'WAITING') === inLine.has(user), `${user}, ${status}, stands in line exactly if WAITING`);
    must((status === 'PROCESSING') === s.processing.includes(user), `${user}, ${status}, is in processing exactly if PROCESSING`);
  }
  must(standing.every((user) => s.tickets.has(user)), 'everyone in line has a ticket');
  const tickets = [...s.tickets.values()];
  must(new Set(tickets).size === tickets.length, 'no ticket was given twice');
  must(s.line.every((user, i) => s.tickets.get(user) === s.nowServing + i + 1), 'tickets in line follow now serving without a gap');
  must(s.soldOutLine.every((user) => (s.tickets.get(user) ?? Infinity) <= s.nowServing), 'now serving is past the sold-out line');
  // What the loop watches may never raise a false alarm.
  broken.push(...gaugesOf(s).broken);
  return broken;
}

/** The numbers as the loop tells them. A promotion that is being removed loses its tickets, and is not told of. */
function gaugesOf({ state, stock, initialStock, nowServing, tickets, line, processing, leases }: Snapshot): { broken: string[] } {
  if (state === null || state === 'REMOVING') return { broken: [] };
  const counted = { waiting: line.length, processing: processing.length, leased: leases.length, tickets: tickets.size };
  return deriveGauges({ state, stock, initialStock, nowServing, createdAtMs: 0, ...counted });
}

/** Who won and who is about to, in ticket order. */
export function winners(s: Snapshot): string[] {
  return [...s.tickets]
    .filter(([user]) => s.statuses.get(user) === 'COMPLETED' || s.statuses.get(user) === 'PROCESSING')
    .toSorted((a, b) => a[1] - b[1])
    .map(([user]) => user);
}
