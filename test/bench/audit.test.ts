import { describe, expect, it } from 'vitest';
import { audit } from '../../bench/audit.ts';
import { newPhone, type PhoneFacts, type RedisFacts, type RushFacts } from '../../bench/facts.ts';

const USERS = 10;
const STOCK = 4;
const TURNED_AWAY = 2;
const JOINED = USERS - TURNED_AWAY;

/** A rush in which all went well: 8 of 10 joined one after the other, the first 4 won, the last 2 found it sold out. */
function goodFacts() {
  const phones: PhoneFacts[] = Array.from({ length: USERS }, (_, i) => ({
    ...newPhone(`user-${i + 1}`),
    outcome: i < JOINED ? 'JOINED' : 'TURNED_AWAY',
    attempts: 1,
    sentAtMs: i * 10,
    answeredAtMs: i * 10 + 5,
    status: i >= JOINED ? undefined : i < STOCK ? 'COMPLETED' : 'FAILED',
    lastSeenAtMs: 1000,
  }));
  const joined = phones.slice(0, JOINED);
  const redis: RedisFacts = {
    stock: 0,
    initialStock: STOCK,
    line: [],
    soldOutLine: [],
    processing: [],
    leases: [],
    tickets: new Map(joined.map(({ userId }, i) => [userId, i + 1])),
    statuses: new Map(phones.map(({ userId, status }) => [userId, status ?? null])),
  };
  const info = { currentStock: 0, queueSize: 0, processingCount: 0, initialStock: STOCK, completedCount: STOCK, failedCount: JOINED - STOCK, state: 'CLOSED' };
  return { stock: STOCK, phones, info, redis };
}

const phone = (facts: RushFacts, n: number) => facts.phones[n - 1] as PhoneFacts;
const failures = (facts: RushFacts) => audit(facts).checks.filter(({ result }) => result === 'FAILED');

/** What the audit must say of facts that were right but for this change. */
interface Case {
  broken: string;
  promise: string;
  offenders: string[];
  change: (facts: ReturnType<typeof goodFacts>) => void;
  /** Whether it must show without Redis as well. */
  byHttpToo?: boolean;
}

const cases: Case[] = [
  {
    broken: 'a join that was never answered',
    promise: 'every join was answered',
    offenders: ['user-9 (answered 503, 10 attempts)'],
    byHttpToo: true,
    change: (facts) => Object.assign(phone(facts, 9), { outcome: 'UNANSWERED', trouble: 'answered 503', attempts: 10 }),
  },
  {
    broken: 'a join that was refused',
    promise: 'every join was answered',
    offenders: ['user-9 (answered 400 INVALID_REQUEST, 1 attempts)'],
    byHttpToo: true,
    change: (facts) => Object.assign(phone(facts, 9), { outcome: 'REFUSED', trouble: 'answered 400 INVALID_REQUEST' }),
  },
  {
    broken: 'a phone that still waits',
    promise: 'everyone in line was told the outcome',
    offenders: ['user-7 (last WAITING at 3)'],
    byHttpToo: true,
    change: (facts) => Object.assign(phone(facts, 7), { status: 'WAITING', position: 3 }),
  },
  {
    broken: 'one coupon too many',
    promise: 'issued = stock, as far as there were takers',
    offenders: ['user-5 (COMPLETED)'],
    byHttpToo: true,
    change: (facts) => Object.assign(phone(facts, 5), { status: 'COMPLETED' }),
  },
  {
    broken: 'one coupon too few',
    promise: 'issued = stock, as far as there were takers',
    offenders: ['user-4 (FAILED)'],
    byHttpToo: true,
    change: (facts) => Object.assign(phone(facts, 4), { status: 'FAILED' }),
  },
  {
    broken: 'two coupons for one user, who counts as one winner',
    promise: 'nobody was issued two coupons',
    offenders: [],
    byHttpToo: true,
    change: (facts) => {
      Object.assign(phone(facts, 4), { status: 'FAILED' });
      facts.redis.statuses.set('user-4', 'FAILED');
    },
  },
  {
    broken: 'a negative stock',
    promise: 'nobody was issued two coupons',
    offenders: [],
    byHttpToo: true,
    change: (facts) => Object.assign(facts.info, { currentStock: -1, completedCount: STOCK + 1 }),
  },
  {
    broken: 'a ticket that two users hold',
    promise: 'nobody has two tickets or two places',
    offenders: ['user-8 (ticket 7, as user-7)'],
    change: ({ redis }) => redis.tickets.set('user-8', 7),
  },
  {
    broken: 'a gap in the tickets, as someone who joined twice leaves',
    promise: 'nobody has two tickets or two places',
    offenders: ['user-8 (ticket 9 of 8)'],
    change: ({ redis }) => redis.tickets.set('user-8', 9),
  },
  {
    broken: 'a ticket that is not a number',
    promise: 'nobody has two tickets or two places',
    offenders: ['user-8 (ticket NaN of 8)'],
    change: ({ redis }) => redis.tickets.set('user-8', NaN),
  },
  {
    broken: 'a user who stands in line twice',
    promise: 'nobody has two tickets or two places',
    offenders: ['user-8 (stands in line twice)'],
    change: ({ redis }) => {
      redis.line.push('user-8');
      redis.soldOutLine.push('user-8');
    },
  },
  {
    broken: 'a winner who is not among the first tickets, in place of one who is',
    promise: 'the winners are exactly the first tickets',
    offenders: ['user-4 (ticket 4, FAILED)', 'user-5 (ticket 5, COMPLETED)'],
    change: (facts) => {
      Object.assign(phone(facts, 4), { status: 'FAILED' });
      Object.assign(phone(facts, 5), { status: 'COMPLETED' });
      facts.redis.statuses.set('user-4', 'FAILED').set('user-5', 'COMPLETED');
    },
  },
  {
    broken: 'a winner without a ticket',
    promise: 'the winners are exactly the first tickets',
    offenders: ['user-10 (won without a ticket)'],
    change: ({ redis }) => redis.statuses.set('user-10', 'COMPLETED'),
  },
  {
    broken: 'a lower ticket for someone who asked later',
    promise: 'tickets follow the order of arrival',
    offenders: ['user-6 (ticket 5, asked after user-5 had been given 6)'],
    change: ({ redis }) => redis.tickets.set('user-5', 6).set('user-6', 5),
  },
  {
    broken: 'someone turned away although stock is left',
    promise: 'nobody was turned away while stock was left',
    offenders: ['user-9 (turned away)', 'user-10 (turned away)'],
    byHttpToo: true,
    change: ({ info }) => Object.assign(info, { currentStock: 1 }),
  },
  {
    broken: 'someone let in after another had been turned away',
    promise: 'nobody was turned away while stock was left',
    offenders: ['user-8 (let in after user-9 had been turned away)'],
    byHttpToo: true,
    change: (facts) => Object.assign(phone(facts, 8), { sentAtMs: 200, answeredAtMs: 205 }),
  },
  {
    broken: 'someone turned away, but registered',
    promise: 'nobody was turned away while stock was left',
    offenders: ['user-9 (turned away, but registered)'],
    change: ({ redis }) => redis.statuses.set('user-9', 'WAITING'),
  },
  {
    broken: 'a line that is left',
    promise: 'nobody is left in line or in processing',
    offenders: [],
    byHttpToo: true,
    change: ({ info }) => Object.assign(info, { queueSize: 1 }),
  },
  {
    broken: 'a user that is left in processing',
    promise: 'nobody is left in line or in processing',
    offenders: ['user-4 (in processing)'],
    change: ({ redis }) => redis.processing.push('user-4'),
  },
  {
    broken: 'a line that is left in Redis, unswept',
    promise: 'nobody is left in line or in processing',
    offenders: ['user-8 (in the sold-out line)'],
    change: ({ redis }) => redis.soldOutLine.push('user-8'),
  },
  {
    broken: 'a lease that is left',
    promise: 'nobody is left in line or in processing',
    offenders: ['user-8 (with a lease)'],
    change: ({ redis }) => redis.leases.push('user-8'),
  },
  {
    broken: 'a status that was never written',
    promise: 'nobody is left in line or in processing',
    offenders: ['user-8 (WAITING)'],
    change: ({ redis }) => redis.statuses.set('user-8', 'WAITING'),
  },
  {
    broken: 'a phone that was told something else than Redis holds',
    promise: 'every phone was told what Redis holds',
    offenders: ['user-8 (told FAILED, held as COMPLETED)'],
    change: ({ redis }) => redis.statuses.set('user-8', 'COMPLETED'),
  },
  {
    broken: 'a user that Redis forgot',
    promise: 'every phone was told what Redis holds',
    offenders: ['user-8 (told FAILED, held as FAILED without a ticket)'],
    change: ({ redis }) => redis.tickets.delete('user-8'),
  },
  {
    broken: 'a stranger in the promotion',
    promise: 'every phone was told what Redis holds',
    offenders: ['someone (not of this crowd)'],
    change: ({ redis }) => redis.tickets.set('someone', 9),
  },
  {
    broken: 'a phone that saw its position grow',
    promise: 'a position never grew, a status only moved forward',
    offenders: ['user-3 (position grew from 1 to 2)'],
    byHttpToo: true,
    change: (facts) => Object.assign(phone(facts, 3), { violation: 'position grew from 1 to 2' }),
  },
  ...['completedCount', 'failedCount', 'initialStock', 'currentStock'].map((field) => ({
    broken: `a ${field} of /info that does not add up`,
    promise: 'the sums agree',
    offenders: [],
    byHttpToo: true,
    change: ({ info }: ReturnType<typeof goodFacts>) => Object.assign(info, { [field]: 3 }),
  })),
  {
    broken: 'a stock in Redis that /info does not tell',
    promise: 'the sums agree',
    offenders: [],
    change: ({ redis }) => Object.assign(redis, { stock: 1 }),
  },
];

describe('audit', () => {
  it('passes a rush in which all went well', () => {
    const { passed, checks } = audit(goodFacts());
    expect(checks.map(({ promise, result, offenders }) => ({ promise, result, offenders }))).toEqual(
      checks.map(({ promise }) => ({ promise, result: 'ok', offenders: [] })),
    );
    expect(passed).toBe(true);
  });

  it('passes it by HTTP alone, and says what it could not audit', () => {
    const { passed, checks } = audit({ ...goodFacts(), redis: null });
    expect(passed).toBe(true);
    expect(checks.filter(({ result }) => result === 'not audited').map(({ promise }) => promise)).toEqual([
      'nobody has two tickets or two places',
      'the winners are exactly the first tickets',
      'every phone was told what Redis holds',
    ]);
  });

  it.each(cases)('finds $broken', ({ promise, offenders, change }) => {
    const facts = goodFacts();
    change(facts);
    expect(audit(facts).passed).toBe(false);
    expect(failures(facts)).toContainEqual(expect.objectContaining({ promise, offenders }));
  });

  it.each(cases.filter(({ byHttpToo }) => byHttpToo))('finds $broken by HTTP alone', ({ promise, offenders, change }) => {
    const facts = goodFacts();
    change(facts);
    expect(failures({ ...facts, redis: null })).toContainEqual(expect.objectContaining({ promise, offenders }));
  });

  it('finds by HTTP alone a winner who came after a loser', () => {
    const facts = goodFacts();
    Object.assign(phone(facts, 4), { status: 'FAILED' });
    Object.assign(phone(facts, 5), { status: 'COMPLETED' });
    expect(failures({ ...facts, redis: null })).toEqual([
      expect.objectContaining({
        promise: 'tickets follow the order of arrival',
        offenders: ['user-5 (won, but asked after user-4, who lost, had a place)'],
      }),
    ]);
  });

  it('takes it for no fault that joins which were under way at the same time changed places', () => {
    const facts = goodFacts();
    Object.assign(phone(facts, 4), { answeredAtMs: 60 });
    Object.assign(phone(facts, 5), { answeredAtMs: 60 });
    facts.redis.tickets.set('user-4', 5).set('user-5', 4);
    Object.assign(phone(facts, 4), { status: 'FAILED' });
    Object.assign(phone(facts, 5), { status: 'COMPLETED' });
    facts.redis.statuses.set('user-4', 'FAILED').set('user-5', 'COMPLETED');
    expect(failures(facts)).toEqual([]);
    expect(failures({ ...facts, redis: null })).toEqual([]);
  });
});
