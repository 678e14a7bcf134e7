import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createHandler as createInfo } from '../../lambda/info.ts';
import { createHandler as createJoin } from '../../lambda/join.ts';
import type { JoinOutcome } from '../../lambda/queue/join.ts';
import type { UserStatus } from '../../lambda/queue/status.ts';
import { createHandler as createStatus } from '../../lambda/status.ts';
import { hashed } from '../../lambda/telemetry.ts';
import { call, get, post, withClaims } from './events.ts';

const joined = vi.fn(async (_promotionId: string, _userId: string): Promise<JoinOutcome> => ({ kind: 'WAITING', position: 1 }));
const asked = vi.fn(async (_promotionId: string, _userId: string): Promise<UserStatus> => ({ kind: 'COMPLETED' }));
const join = createJoin({ join: joined }, 'request');
const pace = { batchSize: 1, drainIntervalMs: 1000 };
const status = createStatus({ status: asked }, pace, 'request');

afterEach(() => vi.clearAllMocks());

/** Both of the app's routes, with the request that says this, and what the queue was asked by them. */
const routes = {
  join: { handler: join, request: (fields: Record<string, unknown>) => post(fields), calls: joined.mock.calls },
  status: { handler: status, request: (fields: Record<string, unknown>) => get(new URLSearchParams(fields as Record<string, string>).toString()), calls: asked.mock.calls },
};

/** Sends a request and answers what came, what reached the queue, and what was logged. */
async function send(handler: unknown, request: APIGatewayProxyEventV2) {
  const lines: string[] = [];
  const warn = vi.spyOn(console, 'warn').mockImplementation((line) => void lines.push(String(line)));
  const { status: code, body } = await call(handler, request);
  warn.mockRestore();
  return { code, error: (body as { error?: { code: string } }).error?.code, reached: [...joined.mock.calls, ...asked.mock.calls], log: lines.join('\n') };
}

describe.each(Object.entries(routes))('%s with a token', (_, { handler, request }) => {
  test.each([
    ['left out', {}],
    ['the same', { userId: '100' }],
  ])('takes the user from the token when userId is %s', async (_what, more) => {
    const sent = withClaims(request({ promotionId: '1', ...more }), { sub: '100' });
    expect(await send(handler, sent)).toEqual({ code: 200, error: undefined, reached: [['1', '100']], log: '' });
  });

  test('refuses to act for another user, and logs it without naming either', async () => {
    const { log, ...answer } = await send(handler, withClaims(request({ promotionId: '1', userId: 'victim' }), { sub: 'intruder' }));
    expect(answer).toEqual({ code: 403, error: 'FORBIDDEN', reached: [] });
    expect(JSON.parse(log)).toMatchObject({ level: 'WARN', requestId: 'request-1', code: 'FORBIDDEN', reason: 'the request names another user than the token', user: hashed('intruder') });
    expect(log).not.toMatch(/victim|intruder/);
  });

  test.each([
    ['a space', 'a b'],
    ['nothing in it', ''],
    ['129 characters', 'x'.repeat(129)],
    ['a brace', 'a}b'],
    ['a line feed', 'a\n{"level":"INFO"}'],
    ['Hangul', '김'],
    ['another type', 100],
    ['a list', ['a']],
    ['null', null],
  ])('refuses a sub with %s, whatever userId is sent, and logs the reason', async (_what, sub) => {
    for (const more of [{}, { userId: 'a' }]) {
      const { log, ...answer } = await send(handler, withClaims(request({ promotionId: '1', ...more }), { sub }));
      expect(answer).toEqual({ code: 403, error: 'FORBIDDEN', reached: [] });
      expect(JSON.parse(log)).toMatchObject({ code: 'FORBIDDEN', reason: 'the sub of the token is no user id', user: hashed(typeof sub === 'string' ? sub : JSON.stringify(sub)) });
    }
  });

  test.each([
    ['without a sub', {}],
    ['with a sub that is inherited', Object.create({ sub: 'a' }) as Record<string, unknown>],
  ])('refuses a token %s', async (_what, claims) => {
    // As it arrives: the event was JSON once.
    const event = JSON.parse(JSON.stringify(withClaims(request({ promotionId: '1', userId: 'a' }), claims))) as APIGatewayProxyEventV2;
    const { log, ...answer } = await send(handler, event);
    expect(answer).toEqual({ code: 403, error: 'FORBIDDEN', reached: [] });
    expect(JSON.parse(log)).toMatchObject({ reason: 'the token has no sub' });
    expect(JSON.parse(log)).not.toHaveProperty('user');
  });

  test('still says what else is wrong with a request', async () => {
    expect(await send(handler, withClaims(request({ userId: 'a b' }), { sub: 'a' }))).toMatchObject({ code: 400, error: 'INVALID_REQUEST', reached: [] });
  });

  test('is not needed where there is no authorizer; userId is', async () => {
    expect(await send(handler, request({ promotionId: '1', userId: 'a' }))).toMatchObject({ code: 200, reached: [['1', 'a']] });
    joined.mockClear();
    asked.mockClear();
    expect(await send(handler, request({ promotionId: '1' }))).toMatchObject({ code: 400, reached: [] });
  });
});

test.each([
  ['join', createJoin({ join: joined }, 'token'), post({ promotionId: '1', userId: 'a' })],
  ['status', createStatus({ status: asked }, pace, 'token'), get('promotionId=1&userId=a')],
])('%s of a closed stage believes no request that came past the authorizer', async (_what, handler, request) => {
  const signed = { ...request, requestContext: { ...request.requestContext, authorizer: { iam: { userId: 'AIDA' } } } };
  for (const past of [request, signed as unknown as typeof request]) {
    const { log, ...answer } = await send(handler, past);
    expect(answer).toEqual({ code: 403, error: 'FORBIDDEN', reached: [] });
    expect(JSON.parse(log)).toMatchObject({ code: 'FORBIDDEN', reason: 'the request came past the authorizer of tokens' });
  }
  expect(await send(handler, withClaims(request, { sub: 'a' }))).toMatchObject({ code: 200, reached: [['1', 'a']] });
});

test('join: the number 100 and the sub "100" are the same user', async () => {
  expect(await send(join, withClaims(post({ promotionId: 1, userId: 100 }), { sub: '100' }))).toMatchObject({ code: 200, reached: [['1', '100']] });
});

test.each([[null], [{ id: 1 }], [['100']]])('join: userId %j does not count as left out', async (userId) => {
  expect(await send(join, withClaims(post({ promotionId: 1, userId }), { sub: '100' }))).toMatchObject({ code: 400, reached: [] });
});

test('status: a userId that is sent twice is refused, though one of them is the user of the token', async () => {
  expect(await send(status, withClaims(get('promotionId=1&userId=a&userId=b'), { sub: 'a' }))).toMatchObject({ code: 400, reached: [] });
});

test('what the request says of claims is not believed', async () => {
  const body = { promotionId: 1, userId: 'a', requestContext: { authorizer: { jwt: { claims: { sub: 'b' } } } }, sub: 'b' };
  expect(await send(join, post(body))).toMatchObject({ code: 200, reached: [['1', 'a']] });
});

test('the operator, who has no token, is not asked for a user', async () => {
  const info = createInfo({ info: async () => undefined as never });
  const request = get('promotionId=1');
  const signed = { ...request, requestContext: { ...request.requestContext, authorizer: { iam: { userId: 'AIDA' } } } };
  expect((await call(info, signed)).status).not.toBe(403);
});
