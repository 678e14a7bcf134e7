/**
 * The queue as the contract describes it, without Redis, scripts or HTTP: one promotion, and every state that it may be in by now.
 * The loop and the issuer work unseen, so an answer is right if some state explains it, and only such states are kept.
 */

import { isDeepStrictEqual } from 'node:util';

/** Calls at the same time that can be explained; the effort more than doubles with each. */
export const TOGETHER_MAX = 8;
/** States looked at until the search gives up: some 200 ms, in which the system under test stands still with the test. */
const STATES_MAX = 10_000;

/** So many orders and moves are possible that nothing was found out: neither right nor wrong. */
export class Inconclusive extends Error {
  override name = 'Inconclusive';
}

/** Of the system under test: users admitted at once, and the time between two such batches. */
export interface ModelPace {
  batchSize: number;
  drainIntervalMs: number;
}

/** WAITING: in line. ADMITTED: in processing, or completed without anyone having seen it yet. */
type UserState = 'WAITING' | 'ADMITTED' | 'COMPLETED' | 'FAILED';

/** One state that the promotion may be in. */
export interface Candidate {
  phase: 'ABSENT' | 'LIVE' | 'REMOVING';
  state: 'OPEN' | 'PAUSED' | 'CLOSED';
  initialStock: number;
  /** Coupons issued so far. */
  issued: number;
  line: string[];
  users: Record<string, UserState>;
  restocks: string[];
}

export type Operation =
  | { verb: 'init-stock'; stock: number }
  | { verb: 'join' | 'status'; userId: string }
  | { verb: 'info' }
  | { verb: 'control'; action: 'pause' | 'resume' | 'close' | 'remove' }
  | { verb: 'control'; action: 'restock'; quantity: number; requestId: string };

/** What the API answered: the status with data, or with an error code, and the message. */
export interface Answered {
  status: number;
  message: string;
  data?: Record<string, unknown>;
  code?: string;
}

export const ABSENT: Candidate = { phase: 'ABSENT', state: 'OPEN', initialStock: 0, issued: 0, line: [], users: {}, restocks: [] };

const REFUSALS = {
  PROMOTION_NOT_FOUND: [404, '존재하지 않는 프로모션입니다.'],
  SOLD_OUT: [409, '쿠폰 재고가 소진되었습니다.'],
  PROMOTION_CLOSED: [409, '종료된 프로모션입니다.'],
  PROMOTION_NOT_CLOSED: [409, '종료(close)된 프로모션만 삭제할 수 있습니다.'],
  PROMOTION_IN_PROGRESS: [409, '이미 참여자가 있어 재고를 다시 초기화할 수 없습니다. restock 또는 close를 사용해 주세요.'],
  PROMOTION_BEING_REMOVED: [409, '삭제 중인 프로모션입니다. 삭제가 끝난 뒤 다시 시도해 주세요.'],
} as const;

const JOINED = { PROCESSING: '이미 쿠폰 발급을 처리 중입니다.', COMPLETED: '이미 쿠폰을 발급받으셨습니다.', FAILED: '쿠폰 발급에 실패했습니다.' };
const STATUS = {
  PROCESSING: '쿠폰 발급 처리 중입니다.',
  COMPLETED: '쿠폰 발급이 완료되었습니다.',
  FAILED: '쿠폰 재고가 소진되었습니다.',
  NOT_IN_QUEUE: '대기열에 등록되지 않았습니다.',
};

/** An answer that the model allows, and the state after it. */
interface Outcome {
  answer: Answered;
  next: Candidate;
}

/** Two states are the same if their keys are: in whichever order users came to be known. */
const keyOf = ({ users, ...rest }: Candidate) => JSON.stringify([rest, Object.entries(users).toSorted(([a], [b]) => (a < b ? -1 : 1))]);

function distinct(candidates: Candidate[]): Candidate[] {
  return [...new Map(candidates.map((candidate) => [keyOf(candidate), candidate])).values()];
}

const countOf = (c: Candidate, ...states: UserState[]) => Object.values(c.users).filter((state) => states.includes(state)).length;
const admittedOf = (c: Candidate) => countOf(c, 'ADMITTED', 'COMPLETED');
const failed = (users: string[]) => Object.fromEntries(users.map((user) => [user, 'FAILED' as const]));

/** What the loop or the issuer may do next to a promotion in this state. */
function moves(c: Candidate, { batchSize }: ModelPace): Candidate[] {
  if (c.phase === 'ABSENT') return [];
  const next: Candidate[] = [];
  const admitted = admittedOf(c);
  if (c.issued < admitted) next.push({ ...c, issued: c.issued + 1 });
  if (c.phase === 'REMOVING') {
    if (c.issued === admitted) next.push(ABSENT);
    return next;
  }
  const room = c.state === 'OPEN' ? Math.min(batchSize, c.line.length, c.initialStock - admitted) : 0;
  if (room > 0) {
    const head = c.line.slice(0, room);
    next.push({ ...c, line: c.line.slice(room), users: { ...c.users, ...Object.fromEntries(head.map((user) => [user, 'ADMITTED' as const])) } });
  }
  if (c.line.length > 0 && c.issued === c.initialStock) next.push({ ...c, line: [], users: { ...c.users, ...failed(c.line) } });
  return next;
}

/** These states, and all that the loop and the issuer may have made of them by now. */
function closure(candidates: Candidate[], pace: ModelPace, statesMax = STATES_MAX): Candidate[] {
  const found = new Map(candidates.map((candidate) => [keyOf(candidate), candidate]));
  const open = [...found.values()];
  // Bounded: each move lets someone leave the line, issues a coupon, or ends the promotion.
  for (let candidate = open.pop(); candidate; candidate = open.pop()) {
    for (const next of moves(candidate, pace)) {
      const key = keyOf(next);
      if (found.has(key)) continue;
      found.set(key, next);
      open.push(next);
      if (found.size > statesMax) throw new Inconclusive();
    }
  }
  return [...found.values()];
}

const ok = (message: string, data: Record<string, unknown>): Answered => ({ status: 200, message, data });
function refused(code: keyof typeof REFUSALS): Answered {
  const [status, message] = REFUSALS[code];
  return { status, message, code };
}

function numbersOf(c: Candidate) {
  const queueSize = c.line.length;
  const processingCount = admittedOf(c) - c.issued;
  return {
    currentStock: c.initialStock - c.issued,
    queueSize,
    processingCount,
    initialStock: c.initialStock,
    completedCount: c.issued,
    failedCount: Object.keys(c.users).length - c.issued - processingCount - queueSize,
    state: c.state,
  };
}

/** What a known user may be told, and what is known afterwards. */
function standing(c: Candidate, userId: string): [kind: 'WAITING' | 'PROCESSING' | 'COMPLETED' | 'FAILED', next: Candidate][] {
  const state = c.users[userId];
  if (state === 'WAITING' || state === 'FAILED' || state === 'COMPLETED') return [[state, c]];
  const told: ReturnType<typeof standing> = [];
  const seenCompleted = { ...c, users: { ...c.users, [userId]: 'COMPLETED' as const } };
  if (c.issued >= countOf(seenCompleted, 'COMPLETED')) told.push(['COMPLETED', seenCompleted]);
  if (c.issued < admittedOf(c)) told.push(['PROCESSING', c]);
  return told;
}

/** All that may be answered in this state. */
function outcomes(c: Candidate, promotionId: string, operation: Operation, pace: ModelPace): Outcome[] {
  const same = (answer: Answered): Outcome[] => [{ answer, next: c }];
  switch (operation.verb) {
    case 'init-stock': {
      const { stock } = operation;
      const set = (next: Candidate): Outcome[] => [{ answer: ok(`프로모션 ${promotionId}의 재고가 ${stock}개로 초기화되었습니다.`, { promotionId, stock }), next }];
      if (c.phase === 'REMOVING') return same(refused('PROMOTION_BEING_REMOVED'));
      if (c.phase === 'ABSENT') return set({ ...ABSENT, phase: 'LIVE', initialStock: stock });
      const joined = Object.keys(c.users).length > 0;
      if (!joined && c.state !== 'CLOSED') return set({ ...c, initialStock: stock });
      return stock === c.initialStock ? set(c) : same(refused(joined ? 'PROMOTION_IN_PROGRESS' : 'PROMOTION_CLOSED'));
    }
    case 'join':
      return joinOutcomes(c, operation.userId);
    case 'status': {
      const { userId } = operation;
      const told = (status: keyof typeof STATUS, next = c): Outcome => ({
        answer: ok('상태 조회 성공', { status, position: 0, totalWaiting: 0, estimatedWaitSeconds: 0, message: STATUS[status] }),
        next,
      });
      if (c.phase !== 'LIVE' || c.users[userId] === undefined) return [told('NOT_IN_QUEUE')];
      return standing(c, userId).map(([kind, next]) => {
        if (kind !== 'WAITING') return told(kind, next);
        const position = c.line.indexOf(userId) + 1;
        const estimatedWaitSeconds = Math.ceil((Math.ceil(position / pace.batchSize) * pace.drainIntervalMs) / 1000);
        const message = `대기 순번: ${position}번, 예상 대기시간: 약 ${estimatedWaitSeconds}초`;
        return { answer: ok('상태 조회 성공', { status: kind, position, totalWaiting: c.line.length, estimatedWaitSeconds, message }), next };
      });
    }
    case 'info':
      return same(c.phase === 'LIVE' ? ok('큐 정보 조회 성공', { promotionId, ...numbersOf(c) }) : refused('PROMOTION_NOT_FOUND'));
    case 'control':
      return c.phase === 'LIVE' ? controlOutcomes(c, promotionId, operation) : same(refused('PROMOTION_NOT_FOUND'));
  }
}

function joinOutcomes(c: Candidate, userId: string): Outcome[] {
  const same = (answer: Answered): Outcome[] => [{ answer, next: c }];
  const inLine = (position: number) => ok(`대기열 ${position}번으로 등록되었습니다.`, { position, status: 'WAITING' });
  if (c.phase !== 'LIVE') return same(refused('PROMOTION_NOT_FOUND'));
  if (c.users[userId] !== undefined) {
    return standing(c, userId).map(([kind, next]) => ({
      answer: kind === 'WAITING' ? inLine(c.line.indexOf(userId) + 1) : ok(JOINED[kind], { position: 0, status: kind }),
      next,
    }));
  }
  if (c.state === 'CLOSED') return same(refused('PROMOTION_CLOSED'));
  if (c.issued === c.initialStock) return same(refused('SOLD_OUT'));
  const next: Candidate = { ...c, line: [...c.line, userId], users: { ...c.users, [userId]: 'WAITING' } };
  return [{ answer: inLine(next.line.length), next }];
}

function controlOutcomes(c: Candidate, promotionId: string, operation: Extract<Operation, { verb: 'control' }>): Outcome[] {
  const applied = (next: Candidate, shown = next): Outcome[] => [
    { answer: ok(`프로모션 ${promotionId}에 적용되었습니다.`, { promotionId, ...numbersOf(shown) }), next },
  ];
  const refuse = (code: keyof typeof REFUSALS): Outcome[] => [{ answer: refused(code), next: c }];
  const { action } = operation;
  if (action === 'remove') return c.state === 'CLOSED' ? applied({ ...c, phase: 'REMOVING' }) : refuse('PROMOTION_NOT_CLOSED');
  // Who stands in line when it closes has failed from that instant on.
  if (action === 'close') return applied({ ...c, state: 'CLOSED', line: [], users: { ...c.users, ...failed(c.line) } });
  if (action === 'restock' && c.restocks.includes(operation.requestId)) return applied(c);
  if (c.state === 'CLOSED') return refuse('PROMOTION_CLOSED');
  if (action === 'restock') return applied({ ...c, initialStock: c.initialStock + operation.quantity, restocks: [...c.restocks, operation.requestId].toSorted() });
  return applied({ ...c, state: action === 'pause' ? 'PAUSED' : 'OPEN' });
}

/** What an operation may be answered in one of these states, to be shown when it was not. */
export const allowed = (candidates: Candidate[], promotionId: string, operation: Operation, pace: ModelPace): Answered[] =>
  [...new Map(closure(candidates, pace).flatMap((c) => outcomes(c, promotionId, operation, pace)).map(({ answer }) => [JSON.stringify(answer), answer])).values()];

const sameAnswer = (a: Answered, b: Answered) => a.message === b.message && isDeepStrictEqual(a, b);

/**
 * The states that explain the answers to operations that were under way at the same time, in whichever order they took effect;
 * none, if there is no such order.
 * @throws Inconclusive if there are too many ways to look at all.
 */
export function explained(candidates: Candidate[], promotionId: string, calls: { operation: Operation; answer: Answered }[], pace: ModelPace): Candidate[] {
  if (calls.length > TOGETHER_MAX) throw new Error(`At most ${TOGETHER_MAX} calls can be explained together.`);
  const none = 0;
  const all = 2 ** calls.length - 1;
  let statesLeft = STATES_MAX;
  // By the set of those that have taken effect, one bit each: what the states may be then, whatever their order was.
  const reached = new Map<number, Candidate[]>([[none, candidates]]);
  for (let done = none; done < all; done++) {
    const before = closure(distinct(reached.get(done) ?? []), pace, statesLeft);
    statesLeft -= before.length;
    reached.delete(done);
    if (before.length === 0) continue;
    for (const [i, { operation, answer }] of calls.entries()) {
      const after = done | (1 << i);
      if (after === done) continue;
      const possible = before.flatMap((c) => outcomes(c, promotionId, operation, pace));
      // Unavailable: it took effect, or it did not.
      const next = answer.code === 'UNAVAILABLE' ? [...before, ...possible.map((outcome) => outcome.next)] : possible.filter((outcome) => sameAnswer(outcome.answer, answer)).map((outcome) => outcome.next);
      if (next.length > 0) reached.set(after, [...(reached.get(after) ?? []), ...next]);
    }
  }
  return closure(distinct(reached.get(all) ?? []), pace);
}
