import { afterEach, describe, expect, test, vi } from 'vitest';
import { createHandler } from '../../lambda/drain-loop.ts';
import type { DrainReport } from '../../lambda/queue/drain-loop.ts';
import { count, hashed, publishMetrics } from '../../lambda/telemetry.ts';
import { context } from './events.ts';

/** What is written to the console meanwhile, each line as JSON. */
async function linesOf(work: () => unknown): Promise<Record<string, unknown>[]> {
  const lines: string[] = [];
  for (const method of ['log', 'info', 'warn', 'error'] as const) vi.spyOn(console, method).mockImplementation((line) => void lines.push(String(line)));
  await work();
  vi.restoreAllMocks();
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

afterEach(() => vi.restoreAllMocks());

describe('telemetry', () => {
  test('counts are summed up into one line of the embedded metric format', async () => {
    const lines = await linesOf(() => {
      count('issued', 2);
      count('issued', 3);
      count('errors');
      publishMetrics();
      publishMetrics();
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ _aws: { CloudWatchMetrics: [{ Namespace: 'test' }] }, service: 'test', issued: 5, errors: 1 });
  });

  test('a run of the loop reports what it did; a repeated fault is logged once, counted each time', async () => {
    const lines = await linesOf(() =>
      createHandler({ evictionPolicies: async () => [], drainLoop: async ({ report }: { report: DrainReport }) => {
        report.ticked();
        report.admitted('p', 100);
        report.swept('p', 7);
        for (let i = 0; i < 3; i++) {
          report.resent('p', 2);
          report.failed('p', new Error('x'));
          report.failed('q', new Error('x'));
          report.failed(null, new Error('x'));
        }
        report.dropped('p', ['kim']);
        return 'SUPERSEDED';
      } }, 'refuse')({}, context),
    );
    expect(lines.filter(({ level }) => level === 'ERROR')).toHaveLength(4);
    expect(lines.filter(({ level }) => level === 'WARN')).toHaveLength(1);
    expect(lines.at(-1)).toMatchObject({ ticks: 1, admitted: 100, swept: 7, resent: 6, errors: 10 });
    expect(JSON.stringify(lines)).not.toContain('kim');
    expect(JSON.stringify(lines)).toContain(hashed('kim'));
  });

  test('what repeats is logged once a minute, counters are written every ten seconds, and no more than a thousand repeats are remembered', async () => {
    const clock = vi.spyOn(performance, 'now');
    const at = (ms: number) => void clock.mockReturnValue(ms);
    const lines = await linesOf(() =>
      createHandler({ evictionPolicies: async () => [], drainLoop: async ({ report }: { report: DrainReport }) => {
        for (const ms of [0, 59_999, 60_000]) {
          at(ms);
          report.failed('p', new Error(`at ${ms}`));
        }
        at(60_000);
        report.ticked();
        for (let i = 0; i < 1000; i++) report.failed(`p${i}`, new Error('x'));
        report.failed('p', new Error('forgotten'));
        return 'DEADLINE';
      } }, 'refuse')({}, context),
    );
    const said = lines.filter(({ promotionId }) => promotionId === 'p').map(({ error }) => (error as { message: string }).message);
    expect(said).toEqual(['at 0', 'at 60000', 'forgotten']);
    expect(lines.filter(({ ticks, errors }) => ticks !== undefined || errors !== undefined)).toMatchObject([{ ticks: 1, errors: 3 }, { errors: 1001 }]);
  });

  test('a hashed user id tells users apart and gives none away', () => {
    expect(hashed('kim')).toMatch(/^[0-9a-f]{16}$/);
    expect(hashed('kim')).not.toBe(hashed('lee'));
  });
});
