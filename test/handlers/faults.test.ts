import { afterEach, describe, expect, test, vi } from 'vitest';
import { createHandler } from '../../lambda/join.ts';
import { OPERATION_DEADLINE_MS } from '../../lambda/http/pipeline.ts';
import type { JoinOutcome } from '../../lambda/queue/join.ts';
import { RedisUnavailable } from '../../lambda/queue/redis.ts';
import { hashed } from '../../lambda/telemetry.ts';
import { call, post } from './events.ts';

const answer = (join: () => Promise<JoinOutcome>) => call(createHandler({ join }, 'request'), post({ promotionId: 1, userId: 'secret-user' }));
const secret = 'redis.internal:6379 coupon:promotion:{1} at script.ts';

function capture(): { lines: () => string } {
  const written: string[] = [];
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    vi.spyOn(console, method).mockImplementation((...args: unknown[]) => void written.push(args.join(' ')));
  }
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => {
      written.push(String(chunk));
      return true;
    });
  }
  return { lines: () => written.join('\n') };
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('faults', () => {
  test('Redis away: 503, with the time to try again, and nothing of its insides', async () => {
    const log = capture();
    const { status, headers, body } = await answer(() => Promise.reject(new RedisUnavailable(secret)));
    const lines = log.lines();
    vi.restoreAllMocks();
    expect({ status, headers }).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(body).toEqual({ success: false, message: expect.any(String), error: { code: 'UNAVAILABLE' }, requestId: 'request-1' });
    expect(lines).toContain('redis.internal');
    // Every request fails then: the log must stay small.
    expect(lines).not.toContain('stack');
    // What an operator finds the request by, whoever asks.
    for (const [key, value] of Object.entries({ requestId: 'request-1', functionRequestId: 'aws-1', promotionId: '1', user: hashed('secret-user') })) expect(lines).toContain(`"${key}": "${value}"`);
  });

  test('anything else: an opaque 500', async () => {
    capture();
    for (const fault of [new Error(secret), new TypeError(secret), { statusCode: 999 }, null, undefined, secret]) {
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- hostile on purpose
      const { status, body } = await answer(() => Promise.reject(fault));
      expect({ status, body }).toEqual({
        status: 500,
        body: { success: false, message: expect.any(String), error: { code: 'INTERNAL_ERROR' }, requestId: 'request-1' },
      });
      expect(JSON.stringify(body)).not.toContain('redis.internal');
    }
  });

  test('an operation that never answers: 503 at the deadline, in under 3 s', async () => {
    capture();
    vi.useFakeTimers();
    const pending = answer(() => new Promise(() => undefined));
    await vi.advanceTimersByTimeAsync(OPERATION_DEADLINE_MS);
    expect(await pending).toMatchObject({ status: 503 });
    expect(OPERATION_DEADLINE_MS).toBeLessThan(3000);
  });

  test('a successful join writes no log line, a refused one none either, and no line holds a user id', async () => {
    const log = capture();
    await answer(async () => ({ kind: 'WAITING', position: 1 }));
    await answer(async () => ({ kind: 'SOLD_OUT' }));
    await call(createHandler({ join: async () => ({ kind: 'NOT_FOUND' }) }, 'request'), post('{'));
    const quiet = log.lines();
    await answer(() => Promise.reject(new Error('x')));
    const loud = log.lines();
    vi.restoreAllMocks();
    expect(quiet).toBe('');
    expect(loud).not.toBe('');
    expect(loud).not.toContain('secret-user');
  });
});
