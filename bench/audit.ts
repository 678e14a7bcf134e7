import type { PhoneFacts, RedisFacts, RushFacts } from './facts.ts';

/** One promise of the system, held against the facts. */
export interface Check {
  promise: string;
  result: 'ok' | 'FAILED' | 'not audited';
  /** The numbers that decided, in words. */
  detail: string;
  /** The users who show that the promise is broken, each with what is wrong. */
  offenders: string[];
}

export interface Audit {
  passed: boolean;
  checks: Check[];
}

/** What a check found: the promise is kept if there are no offenders and nothing else is wrong. */
export interface Finding {
  detail: string;
  offenders?: string[];
  /** Broken although no single user shows it. */
  broken?: boolean;
}

const NEEDS_REDIS = 'needs Redis, which was not in reach';

/**
 * Holds the facts of a rush against what the system promises. A promise that only Redis can prove is "not audited" without it,
 * and so passes neither nor fails.
 */
export function audit(facts: RushFacts): Audit {
  const { redis } = facts;
  const checks = [
    check('every join was answered', joinsAnswered(facts)),
    check('everyone in line was told the outcome', outcomesTold(facts)),
    check('issued = stock, as far as there were takers', issuedIsStock(facts)),
    check('nobody was issued two coupons', noTwoCoupons(facts)),
    check('nobody has two tickets or two places', redis && noTwoTickets(redis)),
    check('the winners are exactly the first tickets', redis && winnersAreFirst(facts, redis)),
    check('tickets follow the order of arrival', redis ? ticketsFollowArrival(facts, redis) : winnersArrivedFirst(facts)),
    check('nobody was turned away while stock was left', turnedAwayRightly(facts)),
    check('nobody is left in line or in processing', nobodyLeft(facts)),
    check('every phone was told what Redis holds', redis && toldTheTruth(facts, redis)),
    check('a position never grew, a status only moved forward', onlyForward(facts)),
    check('the sums agree', sumsAgree(facts)),
  ];
  return { passed: checks.every(({ result }) => result !== 'FAILED'), checks };
}

/** The check of a promise; without a finding it was not audited. */
export function check(promise: string, finding: Finding | null): Check {
  if (finding === null) return { promise, result: 'not audited', detail: NEEDS_REDIS, offenders: [] };
  const { detail, offenders = [], broken = false } = finding;
  return { promise, result: broken || offenders.length > 0 ? 'FAILED' : 'ok', detail, offenders };
}

const joined = (facts: RushFacts) => facts.phones.filter(({ outcome }) => outcome === 'JOINED');
const withStatus = (facts: RushFacts, wanted: string) => joined(facts).filter(({ status }) => status === wanted);
const bySentAt = (a: PhoneFacts, b: PhoneFacts) => (a.sentAtMs ?? 0) - (b.sentAtMs ?? 0);
const byAnsweredAt = (a: PhoneFacts, b: PhoneFacts) => (a.answeredAtMs ?? 0) - (b.answeredAtMs ?? 0);

function joinsAnswered(facts: RushFacts): Finding {
  const without = facts.phones.filter(({ outcome }) => outcome === 'REFUSED' || outcome === 'UNANSWERED');
  const turnedAway = facts.phones.filter(({ outcome }) => outcome === 'TURNED_AWAY').length;
  return {
    detail: `${facts.phones.length} users: ${joined(facts).length} in line, ${turnedAway} sold out at the door, ${without.length} without either`,
    offenders: without.map((phone) => `${phone.userId} (${phone.trouble ?? 'no answer in time'}, ${phone.attempts} attempts)`),
  };
}

function outcomesTold(facts: RushFacts): Finding {
  const waiting = joined(facts).filter(({ status }) => status !== 'COMPLETED' && status !== 'FAILED');
  return {
    detail: `${withStatus(facts, 'COMPLETED').length} won, ${withStatus(facts, 'FAILED').length} lost, ${waiting.length} not told`,
    offenders: waiting.map(({ userId, status, position }) => `${userId} (last ${status}${position > 0 ? ` at ${position}` : ''})`),
  };
}

/** By what the phones were told. Too many: the last to come should not have won; too few: the first of the losers should have. */
function issuedIsStock(facts: RushFacts): Finding {
  const winners = withStatus(facts, 'COMPLETED');
  const expected = Math.min(facts.stock, joined(facts).length);
  const tooMany = winners.toSorted(bySentAt).slice(expected);
  const losers = joined(facts).filter(({ status }) => status !== 'COMPLETED');
  const tooFew = losers.toSorted(byAnsweredAt).slice(0, Math.max(0, expected - winners.length));
  return {
    detail: `${winners.length} won, ${expected} expected (stock ${facts.stock}, ${joined(facts).length} joined)`,
    offenders: [...tooMany, ...tooFew].map(({ userId, status }) => `${userId} (${status})`),
  };
}

/** A coupon that was issued twice to one user takes two units from the stock, but makes one winner. */
function noTwoCoupons(facts: RushFacts): Finding {
  const { info, redis } = facts;
  const issued = info.initialStock - info.currentStock;
  const winners = redis
    ? [...redis.statuses.values()].filter((status) => status === 'COMPLETED').length
    : withStatus(facts, 'COMPLETED').length;
  return {
    detail: `${issued} units left the stock for ${winners} winners; ${info.currentStock} of ${info.initialStock} are left`,
    broken: issued !== winners || info.currentStock < 0,
  };
}

/** In a promotion that only one crowd ever saw, the n users who joined have the tickets 1 to n. */
function noTwoTickets({ tickets, line, soldOutLine }: RedisFacts): Finding {
  const owner = new Map<number, string>();
  const offenders: string[] = [];
  for (const [user, ticket] of tickets) {
    const other = owner.get(ticket);
    if (other !== undefined) offenders.push(`${user} (ticket ${ticket}, as ${other})`);
    else if (!(ticket >= 1 && ticket <= tickets.size)) offenders.push(`${user} (ticket ${ticket} of ${tickets.size})`);
    owner.set(ticket, user);
  }
  const seen = new Set<string>();
  for (const user of [...line, ...soldOutLine]) {
    if (seen.has(user)) offenders.push(`${user} (stands in line twice)`);
    seen.add(user);
  }
  return { detail: `${tickets.size} users hold ${owner.size} different tickets`, offenders };
}

function winnersAreFirst({ stock }: RushFacts, { tickets, statuses }: RedisFacts): Finding {
  const offenders: string[] = [];
  let winners = 0;
  for (const [user, ticket] of tickets) {
    const won = statuses.get(user) === 'COMPLETED';
    if (won) winners += 1;
    if (won !== (ticket <= stock)) offenders.push(`${user} (ticket ${ticket}, ${statuses.get(user) ?? 'no status'})`);
  }
  for (const [user, status] of statuses) if (status === 'COMPLETED' && !tickets.has(user)) offenders.push(`${user} (won without a ticket)`);
  return { detail: `${winners} winners among ${tickets.size} tickets; tickets 1 to ${Math.min(stock, tickets.size)} should win`, offenders };
}

/** Who was answered before another had even asked must hold the lower ticket. */
function ticketsFollowArrival(facts: RushFacts, { tickets }: RedisFacts): Finding {
  const asked = joined(facts).toSorted(bySentAt);
  const answered = joined(facts).toSorted(byAnsweredAt);
  const offenders: string[] = [];
  let highest = 0;
  let highestOwner = '';
  let next = 0;
  for (const phone of asked) {
    for (let before = answered[next]; before && (before.answeredAtMs ?? 0) < (phone.sentAtMs ?? 0); before = answered[next]) {
      const ticket = tickets.get(before.userId) ?? 0;
      if (ticket > highest) [highest, highestOwner] = [ticket, before.userId];
      next += 1;
    }
    const ticket = tickets.get(phone.userId) ?? Infinity;
    if (ticket < highest) offenders.push(`${phone.userId} (ticket ${ticket}, asked after ${highestOwner} had been given ${highest})`);
  }
  return { detail: `${asked.length} tickets held against the times at which joins were sent and answered`, offenders };
}

/** Without tickets the order is known in part: who asked after a loser had been answered can't have won. */
function winnersArrivedFirst(facts: RushFacts): Finding {
  const firstLoser = withStatus(facts, 'FAILED').toSorted(byAnsweredAt)[0];
  const late = withStatus(facts, 'COMPLETED').filter((winner) => firstLoser && (winner.sentAtMs ?? 0) > (firstLoser.answeredAtMs ?? Infinity));
  return {
    detail: 'in part, by HTTP alone: no winner asked after a loser had been given a place',
    offenders: late.map(({ userId }) => `${userId} (won, but asked after ${firstLoser?.userId}, who lost, had a place)`),
  };
}

/** The stock never grows in a rush: once someone was turned away it is 0 for good, and no newcomer gets in any more. */
function turnedAwayRightly(facts: RushFacts): Finding {
  const turnedAway = facts.phones.filter(({ outcome }) => outcome === 'TURNED_AWAY').toSorted(byAnsweredAt);
  const first = turnedAway[0];
  if (first === undefined) return { detail: 'nobody was turned away' };
  const late = joined(facts).filter(({ sentAtMs }) => (sentAtMs ?? 0) > (first.answeredAtMs ?? Infinity));
  const registered = turnedAway.filter(({ userId }) => facts.redis?.tickets.has(userId) || typeof facts.redis?.statuses.get(userId) === 'string');
  return {
    detail: `${turnedAway.length} were turned away, and ${facts.info.currentStock} units are left`,
    offenders: [
      ...(facts.info.currentStock > 0 ? turnedAway.map(({ userId }) => `${userId} (turned away)`) : []),
      ...late.map(({ userId }) => `${userId} (let in after ${first.userId} had been turned away)`),
      ...registered.map(({ userId }) => `${userId} (turned away, but registered)`),
    ],
  };
}

function nobodyLeft({ info, redis }: RushFacts): Finding {
  const detail = `by /info ${info.queueSize} in line and ${info.processingCount} in processing`;
  const broken = info.queueSize !== 0 || info.processingCount !== 0;
  if (redis === null) return { detail, broken };
  const places = { 'in line': redis.line, 'in the sold-out line': redis.soldOutLine, 'in processing': redis.processing, 'with a lease': redis.leases };
  const offenders = new Map<string, string>();
  for (const [user, status] of redis.statuses) {
    if (status === 'WAITING' || status === 'PROCESSING') offenders.set(user, `${user} (${status})`);
  }
  for (const [place, users] of Object.entries(places)) for (const user of users) offenders.set(user, `${user} (${place})`);
  const sizes = Object.entries(places).map(([place, users]) => `${users.length} ${place}`);
  return { detail: `${detail}; in Redis ${sizes.join(', ')}`, offenders: [...offenders.values()], broken };
}

function toldTheTruth(facts: RushFacts, { tickets, statuses }: RedisFacts): Finding {
  const wrong = joined(facts).filter(({ userId, status }) => !tickets.has(userId) || statuses.get(userId) !== status);
  const heldAs = (userId: string) => `${statuses.get(userId) ?? 'nothing'}${tickets.has(userId) ? '' : ' without a ticket'}`;
  const known = new Set(facts.phones.map(({ userId }) => userId));
  const strangers = [...tickets.keys()].filter((user) => !known.has(user));
  return {
    detail: `${joined(facts).length} phones and ${tickets.size} users in Redis`,
    offenders: [
      ...wrong.map(({ userId, status }) => `${userId} (told ${status}, held as ${heldAs(userId)})`),
      ...strangers.map((user) => `${user} (not of this crowd)`),
    ],
  };
}

function onlyForward({ phones }: RushFacts): Finding {
  const offenders = phones.filter(({ violation }) => violation !== undefined);
  return {
    detail: `${offenders.length} of ${phones.length} phones saw something else`,
    offenders: offenders.map(({ userId, violation }) => `${userId} (${violation})`),
  };
}

/** What the phones were told, what /info answers and what Redis holds, added up, must be the same. */
function sumsAgree(facts: RushFacts): Finding {
  const { info, redis, stock } = facts;
  const winners = withStatus(facts, 'COMPLETED').length;
  const losers = withStatus(facts, 'FAILED').length;
  const sums: [name: string, left: number, right: number][] = [
    ['initialStock of /info and the stock asked for', info.initialStock, stock],
    ['completedCount of /info and the phones that won', info.completedCount, winners],
    ['failedCount of /info and the phones that lost', info.failedCount, losers],
    ['completedCount + currentStock and initialStock of /info', info.completedCount + info.currentStock, info.initialStock],
  ];
  if (redis) {
    const held = [...redis.statuses.values()];
    sums.push(
      ['stock in Redis and currentStock of /info', redis.stock, info.currentStock],
      ['initialStock in Redis and of /info', redis.initialStock, info.initialStock],
      ['COMPLETED in Redis and completedCount of /info', held.filter((status) => status === 'COMPLETED').length, info.completedCount],
      ['FAILED in Redis and failedCount of /info', held.filter((status) => status === 'FAILED').length, info.failedCount],
      ['tickets in Redis and users in line', redis.tickets.size, joined(facts).length],
    );
  }
  const different = sums.filter(([, left, right]) => left !== right).map(([name, left, right]) => `${name} differ: ${left} and ${right}`);
  const among = redis ? 'phones, /info and Redis' : 'phones and /info';
  return { detail: different.join('; ') || `${sums.length} sums over ${among}`, broken: different.length > 0 };
}
