import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { describe, expect, test, vi } from 'vitest';
import { createHandler } from '../../lambda/issuer.ts';
import type { IssueOutcome } from '../../lambda/queue/issue.ts';
import { RedisUnavailable } from '../../lambda/queue/redis.ts';
import { context } from './events.ts';

const event = (...bodies: unknown[]): SQSEvent => ({
  Records: bodies.map(
    (body, i) =>
      ({
        messageId: `m${i + 1}`,
        body: typeof body === 'string' ? body : JSON.stringify(body),
        attributes: { ApproximateReceiveCount: '1' },
      }) as SQSRecord,
  ),
});
const failures = (...ids: string[]) => ({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) });
const message = (promotionId: string, userIds: string[]) => ({ v: 1, promotionId, userIds });

describe('issuer', () => {
  test('issues each message', async () => {
    const issue = vi.fn(async (_: string, users: string[]): Promise<IssueOutcome> => ({ completed: users.length, failed: 0, released: [], soldOut: false }));
    expect(await createHandler({ issue })(event(message('1', ['a', 'b']), message('2', ['c'])), context)).toEqual(failures());
    expect(issue.mock.calls).toEqual([['1', ['a', 'b']], ['2', ['c']]]);
  });

  test('a message that fails comes again, its siblings are issued', async () => {
    const issue = vi.fn(async (promotionId: string, users: string[]): Promise<IssueOutcome> => {
      if (promotionId === '2') throw new RedisUnavailable('away');
      return { completed: users.length, failed: 0, released: [], soldOut: false };
    });
    expect(await createHandler({ issue })(event(message('1', ['a']), message('2', ['b']), message('3', ['c'])), context)).toEqual(failures('m2'));
    expect(issue).toHaveBeenCalledTimes(3);
  });

  test.each([
    ['no JSON', 'x'],
    ['null', null],
    ['a later version', { v: 2, promotionId: '1', userIds: ['a'] }],
    ['no version', { promotionId: '1', userIds: ['a'] }],
    ['a number as id', { v: 1, promotionId: 1, userIds: ['a'] }],
    ['a foreign key', { v: 1, promotionId: '1}x{', userIds: ['a'] }],
    ['nobody', { v: 1, promotionId: '1', userIds: [] }],
    ['a bad user', { v: 1, promotionId: '1', userIds: ['a', 'b c'] }],
    ['too many', { v: 1, promotionId: '1', userIds: Array.from({ length: 101 }, (_, i) => `u${i}`) }],
  ])('a message it can not read (%s) is reported failed and reaches the DLQ by redrive', async (_, body) => {
    const issue = vi.fn(async (): Promise<IssueOutcome> => ({ completed: 0, failed: 0, released: [], soldOut: false }));
    expect(await createHandler({ issue })(event(body, message('1', ['a'])), context)).toEqual(failures('m1'));
    expect(issue).toHaveBeenCalledExactlyOnceWith('1', ['a']);
  });

  test('the last coupon of a promotion is counted as its sell-out', async () => {
    const lines: string[] = [];
    for (const method of ['log', 'info'] as const) vi.spyOn(console, method).mockImplementation((line) => void lines.push(String(line)));
    const issue = async (promotionId: string): Promise<IssueOutcome> => ({ completed: 1, failed: 0, released: [], soldOut: promotionId === '2' });
    await createHandler({ issue })(event(message('1', ['a']), message('2', ['b'])), context);
    vi.restoreAllMocks();
    const said = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(said).toContainEqual(expect.objectContaining({ message: 'The last coupon was issued', promotionId: '2' }));
    expect(said).toContainEqual(expect.objectContaining({ issued: 2, soldOut: 1 }));
  });

  test('each line about a message says which, and what the loop called its batch', async () => {
    const lines: Record<string, unknown>[] = [];
    for (const method of ['log', 'info', 'error'] as const) vi.spyOn(console, method).mockImplementation((line) => void lines.push(JSON.parse(String(line)) as Record<string, unknown>));
    const { Records: [sent, ...more] } = event(message('1', ['a']), 'x');
    const messageAttributes = { correlationId: { stringValue: `run-1${'x'.repeat(1000)}`, dataType: 'String' } };
    const issue = async (): Promise<IssueOutcome> => ({ completed: 0, failed: 0, released: ['kim'], soldOut: false });
    await createHandler({ issue })({ Records: [{ ...sent!, messageAttributes }, ...more] }, context);
    vi.restoreAllMocks();
    const common = { messageId: 'm1', promotionId: '1', correlationId: expect.stringMatching(/^run-1x{59}$/), functionRequestId: context.awsRequestId };
    const said = Object.groupBy(lines.filter(({ level }) => level), ({ messageId }) => String(messageId));
    expect(said['m1']).toMatchObject([{ level: 'INFO', ...common, completed: 0 }, { level: 'ERROR', ...common, users: [expect.stringMatching(/^[0-9a-f]{16}$/)] }]);
    expect(said['m2']).toMatchObject([{ level: 'ERROR', receiveCount: '1', functionRequestId: context.awsRequestId }]);
    expect(JSON.stringify(lines)).not.toContain('kim');
  });
});
