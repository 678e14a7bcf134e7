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
      createHandler(async ({ report }: { report: DrainReport }) => {
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
      })({}, context),
    );
    expect(lines.filter(({ level }) => level === 'ERROR')).toHaveLength(4);
    expect(lines.filter(({ level }) => level === 'WARN')).toHaveLength(1);
    expect(lines.at(-1)).toMatchObject({ ticks: 1, admitted: 100, swept: 7, resent: 6, errors: 10 });
    expect(JSON.stringify(lines)).not.toContain('kim');
    expect(JSON.stringify(lines)).toContain(hashed('kim'));
  });

  test('a hashed user id tells users apart and gives none away', () => {
    expect(hashed('kim')).toMatch(/^[0-9a-f]{16}$/);
    expect(hashed('kim')).not.toBe(hashed('lee'));
  });
});
