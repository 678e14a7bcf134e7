import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { SmokeAnswer, SmokeApi, SmokeRequest } from './smoke-api.ts';

/** Who stands in line. */
export interface SmokeUser {
  /** Sent where no token names the user. */
  userId: string;
  token: string | undefined;
}

export interface SmokeOptions {
  api: SmokeApi;
  winner: SmokeUser;
  /** Who comes too late; undefined: nobody does, as there is no second token. */
  latecomer: SmokeUser | undefined;
  /** How long the winner may wait for the coupon. */
  waitMs: number;
  /** Told each step as it is done, a line each. */
  say: (line: string) => void;
  /** Breaks the test off; it still cleans up. */
  signal: AbortSignal;
}

const POLL_INTERVAL_MS = 1_000;
const RANDOM_BYTES = 4;
/** The whole clean-up after a failure. */
const CLEAN_UP_TIMEOUT_MS = 30_000;
const NAME_WIDTH = 10;

/** A promotion id that no other run takes, and that tells an operator who finds it where it is from. */
const smokePromotionId = (nowMs = Date.now()): string => `smoke-${nowMs}-${randomBytes(RANDOM_BYTES).toString('hex')}`;

/** What a step wants to see, and whether this is it. */
interface Expected {
  words: string;
  met: (answer: SmokeAnswer) => boolean;
}

/**
 * Runs a promotion of one coupon from its opening to its removal, through the HTTP API alone, and leaves nothing behind.
 * @throws Error with a sentence that says which step failed, what was expected, what came, and what to look at
 */
export async function smoke({ api, winner, latecomer, waitMs, say, signal }: SmokeOptions): Promise<void> {
  const promotionId = smokePromotionId();
  say(`promotion ${promotionId}`);
  const by = ({ userId, token }: SmokeUser) => ({ token, fields: { promotionId, ...(token === undefined && { userId }) } });
  const control = (action: string): SmokeRequest => ({ method: 'POST', route: 'control', signs: true, fields: { promotionId, action } });
  const infoRequest: SmokeRequest = { method: 'GET', route: 'info', signs: true, fields: { promotionId } };
  /** Whether there may be something to clean up: not if the API itself refused to open it. */
  let mayBeOpen = true;
  const step = async (name: string, request: SmokeRequest, expected: Expected): Promise<void> => {
    const startedAt = performance.now();
    const answer = await api.ask(request);
    if (name === 'open') mayBeOpen = !isRefusal(answer);
    if (!expected.met(answer)) throw new Error(failed(name, request, expected.words, answer));
    say(line('ok', name, expected.words, performance.now() - startedAt));
  };
  try {
    await step('open', { method: 'POST', route: 'init-stock', signs: true, fields: { promotionId, stock: 1 } }, succeeds('a stock of 1', { stock: 1 }));
    await step('join', { method: 'POST', route: 'join', ...by(winner) }, {
      words: 'WAITING at position 1',
      // Further on already, if the first answer was lost and it was sent again.
      met: ({ status, data }) => status === 200 && ((data.status === 'WAITING' && data.position === 1) || data.status === 'PROCESSING' || data.status === 'COMPLETED'),
    });
    await untilCompleted(api, { method: 'GET', route: 'status', ...by(winner) }, { waitMs, say, signal });
    if (latecomer) await step('sold out', { method: 'POST', route: 'join', ...by(latecomer) }, refuses(409, 'SOLD_OUT'));
    else say(line('skipped', 'sold out', 'it takes a second user: give --other-token'));
    const sums = { initialStock: 1, currentStock: 0, completedCount: 1, processingCount: 0, queueSize: 0, failedCount: 0 };
    await step('info', infoRequest, succeeds('1 coupon issued, none left, nobody waiting, nobody failed', sums));
    await step('close', control('close'), succeeds('CLOSED', { state: 'CLOSED' }));
    await step('remove', control('remove'), {
      words: '200',
      met: ({ status, code }) => status === 200 || code === 'PROMOTION_NOT_FOUND',
    });
    await step('gone', infoRequest, refuses(404, 'PROMOTION_NOT_FOUND'));
  } catch (error) {
    if (mayBeOpen) say(await cleanUp(api, promotionId, control));
    throw error;
  }
}

async function untilCompleted(api: SmokeApi, request: SmokeRequest, { waitMs, say, signal }: Pick<SmokeOptions, 'waitMs' | 'say' | 'signal'>): Promise<void> {
  const startedAt = performance.now();
  const words = `COMPLETED within ${waitMs / 1000} s`;
  for (let polls = 1; ; polls += 1) {
    const answer = await api.ask(request);
    const { status } = answer.data;
    const waitedMs = performance.now() - startedAt;
    if (answer.status === 200 && status === 'COMPLETED') return say(line('ok', 'coupon', `${words}, ${polls} polls`, waitedMs));
    const onTheWay = answer.status === 200 && (status === 'WAITING' || status === 'PROCESSING');
    if (!onTheWay || waitedMs + POLL_INTERVAL_MS > waitMs) throw new Error(failed('coupon', request, words, answer));
    await pause(POLL_INTERVAL_MS, undefined, { signal });
  }
}

/** Whatever failed, the promotion is not to stay. @returns a line that says whether it does */
async function cleanUp(api: SmokeApi, promotionId: string, control: (action: string) => SmokeRequest): Promise<string> {
  try {
    const signal = AbortSignal.timeout(CLEAN_UP_TIMEOUT_MS);
    await api.ask(control('close'), signal);
    const removed = await api.ask(control('remove'), signal);
    // Not found: it never was, or is removed already.
    if ((removed.status === 200 && isOurs(removed)) || removed.code === 'PROMOTION_NOT_FOUND') return line('ok', 'clean up', 'nothing is left behind');
    return line('failed', 'clean up', `promotion ${promotionId} may be left (${came(removed)}): close and remove it`);
  } catch {
    return line('failed', 'clean up', `promotion ${promotionId} may be left: close and remove it`);
  }
}

function succeeds(words: string, data: Record<string, unknown>): Expected {
  return { words, met: (answer) => answer.status === 200 && Object.entries(data).every(([name, value]) => answer.data[name] === value) };
}

function refuses(status: number, code: string): Expected {
  return { words: `${status} ${code}`, met: (answer) => answer.status === status && answer.code === code };
}

/** Whether the application answered, and not something else that stands at the address. */
const isOurs = ({ code, data }: SmokeAnswer) => code !== undefined || Object.keys(data).length > 0;

/** A request that had no effect; a throttle, as a rule, comes first too, but after it the request was sent again. */
const isRefusal = ({ status }: SmokeAnswer) => status !== undefined && status >= 300 && status < 500 && status !== 429;

function line(result: 'ok' | 'skipped' | 'failed', name: string, words: string, tookMs?: number): string {
  const time = tookMs === undefined ? '' : ` (${(tookMs / 1000).toFixed(2)} s)`;
  return `${result.padEnd('skipped'.length)}  ${name.padEnd(NAME_WIDTH)} ${words}${time}`;
}

function failed(name: string, request: SmokeRequest, expected: string, answer: SmokeAnswer): string {
  return `The step "${name}" (${request.method} ${request.route}) expected ${expected}, but ${came(answer)}: ${advice(name, request, answer)}.`;
}

function came({ status, code, message, data, requestId }: SmokeAnswer): string {
  if (status === undefined) return `there was no answer (${message})`;
  const said = [code, message && `"${message}"`, Object.keys(data).length > 0 && JSON.stringify(data)].filter(Boolean).join(' ');
  return `${status} came${said ? `, ${said}` : ''}${requestId === undefined ? '' : ` (request ${requestId})`}`;
}

/** What to look at, by what came. */
function advice(step: string, { route, signs }: SmokeRequest, answer: SmokeAnswer): string {
  const { status, data } = answer;
  if (status === undefined) return 'check --url, and whether the stage is deployed';
  const token = step === 'sold out' ? '--other-token' : '--token';
  if (status === 401) return `get a new token for ${token}, and compare its iss and aud with the issuer and audience of the stage`;
  if (status === 403 && signs) return "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of a role that has the stage's OperatorPolicyArn, and check --region";
  if (status === 403) return `check that the token of ${token} has the scope of the route, and a sub that is a user id`;
  if (status === 400 && route !== 'init-stock') return 'a stage that is open needs no token, and one that is not needs --token';
  if ((status === 404 || status < 400) && !isOurs(answer)) return 'check that --url is the ApiUrl of the stage, without a path';
  if (status === 429) return "look at the route's throttle, and at what else calls it";
  if (status >= 500) return `look for the request in the log of the function ${route}, and at the state of Redis`;
  if (data.status === 'WAITING') return 'nobody was admitted: look at the log of the drain loop, and whether its rule is enabled';
  if (data.status === 'PROCESSING') return 'admitted and not issued: look at the log of the issuer, and into the dead-letter queue';
  return `look at the log of the function ${route}; what it answered is not what this version of the test knows`;
}
