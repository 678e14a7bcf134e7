import { promotionInfo } from '../../lambda/queue/info.ts';
import { deriveStatus } from '../../lambda/queue/status.ts';
import { brokenPromises, type Snapshot } from '../invariants.ts';

/** A promise of the system that did not hold. */
export class BrokenPromise extends Error {
  override name = 'BrokenPromise';
}

/** A script that ran, and when. */
export interface Ran {
  name: string;
  args: readonly (string | number)[];
  reply: unknown;
  /** Time (ms) of the server's clock. */
  serverNowMs: number;
  /** Steps back of the server's clock so far. */
  stepsBack: number;
}

/** What a poll answers. */
interface Polled {
  status: string;
  position: number;
}

/** What a poll answers, by the real derivation. (Of a promotion that is being removed: what its users were told last.) */
function polled(s: Snapshot, user: string, ticket: number): Polled {
  const found = deriveStatus({
    state: s.state === 'REMOVING' ? 'CLOSED' : s.state,
    nowServing: String(s.nowServing),
    written: s.statuses.get(user) ?? null,
    ticket: String(ticket),
    totalWaiting: s.line.length,
  });
  return { status: found.kind, position: found.kind === 'WAITING' ? found.position : 0 };
}

const FORWARD: Record<string, string[]> = {
  WAITING: ['WAITING', 'PROCESSING', 'FAILED'],
  // A unit is reserved for everyone admitted, so nobody admitted fails.
  PROCESSING: ['PROCESSING', 'COMPLETED'],
  COMPLETED: ['COMPLETED'],
  FAILED: ['FAILED'],
};
const STATES: Record<string, string[]> = {
  OPEN: ['OPEN', 'PAUSED', 'CLOSED'],
  PAUSED: ['OPEN', 'PAUSED', 'CLOSED'],
  CLOSED: ['CLOSED', 'REMOVING'],
  REMOVING: ['REMOVING'],
};

/** Sees one promotion after each step, over all lives of its id, and says so when a promise breaks. */
export class Witness {
  readonly #promotionId: string;
  readonly #batchSize: number;
  readonly #intervalMs: number;
  /** How often the promotion has been created. */
  lives = 0;
  /** As it was after the last step; null if there is none. */
  now: Snapshot | null = null;
  #polled = new Map<string, Polled>();
  #restocks = new Set<string>();
  #restockedAfterFailures = false;
  #retiring = false;
  #admitted: { serverMs: number; users: number }[] = [];
  #stepsBack = 0;

  constructor(promotionId: string, batchSize: number, intervalMs: number) {
    this.#promotionId = promotionId;
    this.#batchSize = batchSize;
    this.#intervalMs = intervalMs;
  }

  #must(holds: boolean, promise: string): void {
    if (!holds) throw new BrokenPromise(`promotion ${this.#promotionId}: ${promise}`);
  }

  /**
   * Looks at the promotion right after a script ran on it.
   * @throws BrokenPromise
   */
  observe(ran: Ran, s: Snapshot): void {
    const before = this.now;
    if (s.state === null) {
      this.#isNothing(before, s);
      return;
    }
    if (!before) this.#begin(ran);
    else this.#must(STATES[before.state ?? '']?.includes(s.state) ?? false, `${before.state} does not become ${s.state}`);
    this.#retiring ||= s.state === 'REMOVING' && s.tickets.size < (before?.tickets.size ?? 0);
    if (this.#retiring) {
      const busy = s.line.length + s.soldOutLine.length + s.processing.length + s.leases.length;
      this.#must(busy === 0, 'nobody is deleted while someone is in line or in processing');
    } else {
      const [broken] = brokenPromises(s);
      this.#must(broken === undefined, broken ?? '');
      for (const [user, ticket] of before?.tickets ?? []) {
        this.#must(s.tickets.get(user) === ticket, `${user} keeps ticket ${ticket} (now ${s.tickets.get(user) ?? 'none'})`);
      }
      this.#stockIsExplained(ran, before, s);
      this.#usersMoveForward(ran, s);
      this.#joinIsTrue(ran, before, s);
      this.#countsAreTrue(s);
    }
    this.now = s;
  }

  #begin(ran: Ran): void {
    this.#must(ran.name === 'init-stock', `only init-stock creates a promotion, not ${ran.name}`);
    this.lives += 1;
    this.#polled = new Map();
    this.#restocks = new Set();
    this.#restockedAfterFailures = false;
    this.#retiring = false;
    this.#admitted = [];
  }

  #isNothing(before: Snapshot | null, s: Snapshot): void {
    this.#must(before === null || before.state === 'REMOVING', `a promotion that is ${before?.state} does not vanish`);
    const held = s.line.length + s.soldOutLine.length + s.processing.length + s.leases.length + s.tickets.size;
    this.#must(held === 0 && Number.isNaN(s.stock), 'where there is no promotion there is nothing of it');
    this.now = null;
  }

  /** The initial stock changes by a restock, once per request id, and by init-stock while nobody has joined. */
  #stockIsExplained({ name, args }: Ran, before: Snapshot | null, s: Snapshot): void {
    if (!before || before.initialStock === s.initialStock) return;
    if (name === 'init-stock') {
      this.#must(before.tickets.size === 0, 'init-stock changes nothing once somebody has joined');
      return;
    }
    const [action, quantity, requestId] = args.map(String);
    this.#must(name === 'control' && action === 'restock', `${name} does not change the initial stock`);
    this.#must(!this.#restocks.has(requestId ?? ''), `restock ${requestId} counts once`);
    this.#restocks.add(requestId ?? '');
    this.#must(s.initialStock - before.initialStock === Number(quantity), `restock ${requestId} adds ${quantity}`);
    this.#restockedAfterFailures ||= [...this.#polled.values()].some(({ status }) => status === 'FAILED');
  }

  #usersMoveForward(ran: Ran, s: Snapshot): void {
    const after = new Map<string, Polled>();
    let firstWaiting = Infinity;
    let lastAdmitted = 0;
    let admitted = 0;
    for (const [user, ticket] of s.tickets) {
      const now = polled(s, user, ticket);
      const then = this.#polled.get(user);
      after.set(user, now);
      if (now.status === 'WAITING') firstWaiting = Math.min(firstWaiting, ticket);
      if (then === undefined) {
        this.#must(ran.name === 'join' && now.status === 'WAITING', `${user} begins by a join, WAITING (not ${ran.name}, ${now.status})`);
        continue;
      }
      this.#must(FORWARD[then.status]?.includes(now.status) ?? false, `${user}: ${then.status} does not become ${now.status}`);
      this.#must(now.position <= then.position, `${user}: position ${then.position} does not become ${now.position}`);
      if (then.status === 'WAITING' && now.status === 'FAILED') {
        this.#must(s.stock === 0 || s.state !== 'OPEN', `${user} does not fail while ${s.stock} are in stock`);
        this.#must(s.stock === 0 || s.state !== 'PAUSED', `${user} does not fail because of a pause`);
      }
      if (then.status === 'WAITING' && now.status === 'PROCESSING') {
        admitted += 1;
        lastAdmitted = Math.max(lastAdmitted, ticket);
      }
    }
    this.#must(lastAdmitted < firstWaiting, `ticket ${lastAdmitted} is not admitted before ticket ${firstWaiting}`);
    if (admitted > 0) this.#admits(ran, s.state, admitted);
    this.#polled = after;
  }

  /** At most a batch in any interval of the server's time, but for once per step back of its clock. */
  #admits({ name, serverNowMs, stepsBack }: Ran, state: string | null, users: number): void {
    this.#must(name === 'drain', `only drain admits, not ${name}`);
    this.#must(state === 'OPEN', `nobody is admitted while ${state}`);
    if (stepsBack > this.#stepsBack) this.#admitted = [];
    this.#stepsBack = stepsBack;
    this.#admitted = this.#admitted.filter(({ serverMs }) => serverMs > serverNowMs - this.#intervalMs);
    this.#admitted.push({ serverMs: serverNowMs, users });
    const total = this.#admitted.reduce((sum, { users }) => sum + users, 0);
    this.#must(total <= this.#batchSize, `${total} are not admitted within ${this.#intervalMs} ms, with batches of ${this.#batchSize}`);
  }

  /** What a join answers is what is written at that moment. */
  #joinIsTrue({ name, args, reply }: Ran, before: Snapshot | null, s: Snapshot): void {
    if (name !== 'join' || reply instanceof Error) return;
    const user = String(args[0]);
    const answer = typeof reply === 'number' ? `WAITING ${reply}` : String(reply);
    const now = this.#polled.get(user);
    const known = before?.tickets.has(user) ?? false;
    const hidden = s.state === 'REMOVING';
    let expected: string;
    if (hidden) expected = 'NOT_FOUND';
    else if (now) expected = now.status === 'WAITING' ? `WAITING ${now.position}` : now.status;
    else expected = s.state === 'CLOSED' ? 'CLOSED' : 'SOLD_OUT';
    this.#must(answer === expected, `the join of ${user} answers ${expected}, not ${answer}`);
    if (!known && now) this.#must(s.stock > 0, `${user} does not join a line that can't win`);
  }

  /** What info derives from lengths is what polls of all users would count. */
  #countsAreTrue(s: Snapshot): void {
    if (s.state === null || s.state === 'REMOVING') return;
    const counts = promotionInfo(s.stock, s.line.length, s.processing.length, s.initialStock, s.tickets.size, s.state);
    const derived = { WAITING: counts.queueSize, PROCESSING: counts.processingCount, COMPLETED: counts.completedCount, FAILED: counts.failedCount };
    const statuses = [...this.#polled.values()].map(({ status }) => status);
    for (const [status, count] of Object.entries(derived)) {
      const there = statuses.filter((other) => other === status).length;
      this.#must(there === count, `info counts ${count} ${status}, there are ${there}`);
    }
  }

  /** Whether nothing is left to do: everyone has won or lost, or the promotion is gone. */
  settled(): boolean {
    const s = this.now;
    if (!s) return true;
    if (s.state === 'REMOVING') return false;
    if (s.line.length + s.soldOutLine.length + s.processing.length > 0) return false;
    return [...s.statuses.values()].every((status) => status === 'COMPLETED' || status === 'FAILED');
  }

  /** How the promotion ended, counted under these names; a simulation in which one of them never happens proves little. */
  endings(): [ending: string, count: number][] {
    const statuses = [...(this.now?.statuses.values() ?? [])];
    return [
      ['users who won', statuses.filter((status) => status === 'COMPLETED').length],
      ['users who lost', statuses.filter((status) => status === 'FAILED').length],
      ['promotions closed', this.now?.state === 'CLOSED' ? 1 : 0],
      ['promotions removed', Math.max(0, this.lives - (this.now ? 1 : 0))],
      ['promotions with a second life', this.lives > 1 ? 1 : 0],
      ['promotions restocked after a sell-out', this.#restockedAfterFailures ? 1 : 0],
    ];
  }

  /** What keeps the promotion from being settled, for a report. */
  unsettled(): string {
    const s = this.now;
    if (!s) return 'nothing';
    return `${s.state}, stock ${s.stock}, line [${s.line.join(' ')}], sold-out line [${s.soldOutLine.join(' ')}], processing [${s.processing.join(' ')}], ${s.tickets.size} tickets`;
  }

  /**
   * What must hold at the end, when nothing happens any more.
   * @throws BrokenPromise
   */
  atTheEnd(): void {
    this.#must(this.settled(), `does not come to its end (${this.unsettled()})`);
    const s = this.now;
    if (!s) return;
    const inOrder = [...s.tickets].toSorted((a, b) => a[1] - b[1]).map(([user]) => user);
    const won = inOrder.filter((user) => s.statuses.get(user) === 'COMPLETED');
    if (s.state === 'CLOSED' || this.#restockedAfterFailures) return;
    const first = inOrder.slice(0, s.initialStock);
    this.#must(won.join() === first.join(), `the winners are the first ${s.initialStock} tickets, ${first.join(' ')}, not ${won.join(' ')}`);
  }
}
