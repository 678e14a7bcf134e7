import { afterAll, describe, expect, it } from 'vitest';
import type { Progress } from '../../bench/progress.ts';
import { rush, type RushOptions, type RushResult } from '../../bench/rush.ts';
import { startFakeApi, type FakeApi, type Behaviour } from './fake-api.ts';

const TIMEOUT_MS = 20_000;

const fakes: FakeApi[] = [];
afterAll(() => {
  for (const fake of fakes) fake.stop();
});

async function rushToFake(behaviour: Behaviour, options: Partial<RushOptions> = {}) {
  const fake = await startFakeApi(behaviour);
  fakes.push(fake);
  const shown: Progress[] = [];
  const view = { show: (progress: Progress) => void shown.push(progress), stop: () => undefined };
  const result = await rush({
    apiUrl: fake.url,
    redisUrl: undefined,
    redisMustAnswer: false,
    promotionId: 'sale',
    users: 40,
    stock: 15,
    timeoutMs: TIMEOUT_MS,
    view,
    signal: new AbortController().signal,
    ...options,
  });
  return { fake, result, shown };
}

const failedPromises = ({ audit }: RushResult) => audit.checks.filter(({ result }) => result === 'FAILED').map(({ promise }) => promise);
const offendersOf = ({ audit }: RushResult, promise: string) => audit.checks.find((check) => check.promise === promise)?.offenders;

// Each waits for polls, which come a second apart, so they run at the same time.
describe.concurrent('rush', () => {
  it('serves a crowd and passes', async () => {
    const { result, fake, shown } = await rushToFake({ opensAt: 40 });
    expect(failedPromises(result)).toEqual([]);
    expect(result).toMatchObject({ users: 40, issued: 15, lost: 25, turnedAway: 0, timedOut: false, auditedBy: 'HTTP alone' });
    expect(result.withoutRedis).toContain('--redis');
    expect(result.joinLatencyMs.count).toBe(40);
    expect(result.statusLatencyMs.count).toBeGreaterThanOrEqual(40);
    expect(result.soldOutMs).toBeLessThan(result.totalMs);
    expect(fake.usersOf('sale')).toHaveLength(40);
    expect(shown.at(-1)).toMatchObject({ joined: 40, waiting: 0, processing: 0, completed: 15, failed: 25 });
  });

  it('joins again after a fault', async () => {
    const { result } = await rushToFake({ stumbles: 30 });
    expect(failedPromises(result)).toEqual([]);
    expect(result.issued).toBe(15);
    // Answers of 503 are no service, and so no latency.
    expect(result.joinLatencyMs.count).toBe(40);
  });

  it('counts those who are sold out at the door', async () => {
    const { result } = await rushToFake({}, { stock: 0 });
    expect(failedPromises(result)).toEqual([]);
    expect(result).toMatchObject({ issued: 0, lost: 0, turnedAway: 40, soldOutMs: null });
  });

  it('fails a system that issues too many, and names who won too much', async () => {
    const { result } = await rushToFake({ opensAt: 40, oversell: 2 });
    expect(result.audit.passed).toBe(false);
    expect(failedPromises(result)).toEqual(['issued = stock, as far as there were takers', 'nobody was issued two coupons', 'the sums agree']);
    expect(offendersOf(result, 'issued = stock, as far as there were takers')).toHaveLength(2);
  });

  it('fails a system whose line goes backwards', async () => {
    const { result } = await rushToFake({ backwards: true, asleep: true }, { users: 3, timeoutMs: 4000 });
    const offenders = offendersOf(result, 'a position never grew, a status only moved forward');
    expect(offenders).toHaveLength(3);
    expect(offenders?.[0]).toMatch(/^user-1 \(position grew from \d+ to \d+\)$/);
  });

  it('fails when time is up, and names who was left over', async () => {
    const { result } = await rushToFake({ asleep: true }, { users: 3, timeoutMs: 1500 });
    expect(result.timedOut).toBe(true);
    expect(offendersOf(result, 'everyone in line was told the outcome')).toEqual([
      'user-1 (last WAITING at 1)',
      'user-2 (last WAITING at 2)',
      'user-3 (last WAITING at 3)',
    ]);
    expect(failedPromises(result)).toContain('nobody is left in line or in processing');
  });

  it('names joins that were never answered', async () => {
    const { result } = await rushToFake({ stumbles: Infinity }, { users: 2, timeoutMs: 1000 });
    expect(offendersOf(result, 'every join was answered')).toEqual([
      expect.stringMatching(/^user-1 \(answered 503, \d+ attempts\)$/),
      expect.stringMatching(/^user-2 \(answered 503, \d+ attempts\)$/),
    ]);
  });

  it('refuses a promotion that others have joined', async () => {
    const { fake } = await rushToFake({}, { users: 5, stock: 5 });
    await expect(rushToFake({}, { apiUrl: fake.url, users: 5, stock: 5 })).rejects.toThrow('Promotion sale has 5 users already');
  });

  it('refuses a promotion that serves nobody', async () => {
    const { fake } = await rushToFake({ asleep: true }, { promotionId: 'paused', users: 1, timeoutMs: 300 });
    await expect(rushToFake({}, { apiUrl: fake.url, promotionId: 'paused' })).rejects.toThrow('Promotion paused');
  });

  it('audits by HTTP alone if its Redis does not answer, but not if one was named', async () => {
    const { result } = await rushToFake({}, { users: 1, redisUrl: 'redis://127.0.0.1:1' });
    expect(result.withoutRedis).toContain('no Redis answers at 127.0.0.1:1');
    const asked = rushToFake({}, { users: 1, redisUrl: 'redis://127.0.0.1:1', redisMustAnswer: true });
    await expect(asked).rejects.toThrow(/^The audit can't be done as asked, for no Redis answers at 127\.0\.0\.1:1/);
  });

  it('ends at once when it is broken off', async () => {
    const broken = new AbortController();
    const view = { show: () => broken.abort(new Error('enough')), stop: () => undefined };
    await expect(rushToFake({ asleep: true }, { view, signal: broken.signal })).rejects.toThrow('enough');
  });
});
