import { afterEach, describe, expect, test, vi } from 'vitest';
import { createHandler } from '../../lambda/drain-loop.ts';
import type { DrainLoop, DrainReport } from '../../lambda/queue/drain-loop.ts';
import { count, hashed, metricNames, publishMetrics } from '../../lambda/telemetry.ts';
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

const quiet = { evictionPolicies: async () => [], readGauges: async () => null };

/** What CloudWatch makes of a line: its metrics with their dimensions. */
function metricsIn(line: Record<string, unknown>): string[] {
  const { CloudWatchMetrics: [directive] } = (line['_aws'] ?? { CloudWatchMetrics: [] }) as { CloudWatchMetrics: { Dimensions: string[][]; Metrics: { Name: string; Unit: string }[] }[] };
  const dimensions = directive?.Dimensions.map((names) => names.map((name) => `${name}=${String(line[name])}`).toSorted().join(' ')) ?? [];
  return directive?.Metrics.map(({ Name, Unit }) => `${dimensions.join('; ')}: ${Name} ${String(line[Name])} ${Unit}`) ?? [];
}

describe('telemetry', () => {
  test('counts are summed up into one line of the embedded metric format', async () => {
    const lines = await linesOf(() => {
      count('issued', 2);
      count('issued', 3);
      count('apiErrors');
      publishMetrics();
      publishMetrics();
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ _aws: { CloudWatchMetrics: [{ Namespace: 'test' }] }, service: 'test', issued: 5, apiErrors: 1 });
  });

  test('a run of the loop reports what it did; a repeated fault is logged once, counted each time', async () => {
    const lines = await linesOf(() =>
      createHandler({ ...quiet, drainLoop: async ({ report, correlationId }: Pick<DrainLoop, 'report' | 'correlationId'>) => {
        report.ticked();
        report.admitted('p', 100, { lastTicket: 300, correlationId: correlationId?.() });
        report.swept('p', 7);
        for (let i = 0; i < 3; i++) {
          report.resent('p', 2, { lastTicket: 300, correlationId: correlationId?.() });
          report.failed('p', new Error('x'));
          report.failed('q', new Error('x'));
          report.failed(null, new Error('x'));
        }
        report.dropped('p', ['kim']);
        return 'SUPERSEDED';
      } }, 'refuse')({}, context),
    );
    expect(lines.filter(({ level }) => level === 'ERROR')).toHaveLength(4);
    expect(lines.filter(({ level }) => level === 'WARN')).toMatchObject([{ correlationId: 'aws-1-2', functionRequestId: 'aws-1' }]);
    expect(lines.filter(({ level }) => level === 'INFO')).toMatchObject([{ promotionId: 'p', users: 100, lastTicket: 300, correlationId: 'aws-1-1', functionRequestId: 'aws-1' }]);
    expect(lines.at(-1)).toMatchObject({ admitted: 100, swept: 7, resent: 6, loopErrors: 10 });
    expect(JSON.stringify(lines)).not.toContain('kim');
    expect(JSON.stringify(lines)).toContain(hashed('kim'));
  });

  test('what repeats is logged once a minute, counters are written every ten seconds, or twenty if no tick comes, and of different ones no more than a thousand in that time', async () => {
    const clock = vi.spyOn(performance, 'now');
    const at = (ms: number) => void clock.mockReturnValue(ms);
    const lines = await linesOf(() =>
      createHandler({ ...quiet, drainLoop: async ({ report }: { report: DrainReport }) => {
        for (const ms of [0, 59_999, 60_000]) {
          at(ms);
          report.failed('p', new Error(`at ${ms}`));
        }
        at(60_000);
        report.ticked();
        for (let i = 0; i < 2000; i++) report.failed(`p${i}`, new Error('x'));
        report.failed(null, new Error('why'));
        at(120_000);
        report.failed('p', new Error('at 120000'));
        return 'DEADLINE';
      } }, 'refuse')({}, context),
    );
    const said = lines.filter(({ promotionId }) => promotionId === 'p').map(({ error }) => (error as { message: string }).message);
    expect(said).toEqual(['at 0', 'at 60000', 'at 120000']);
    expect(lines.filter(({ promotionId }) => /^p\d/.test(String(promotionId)))).toHaveLength(999);
    expect(lines.filter(({ message }) => String(message).startsWith('A tick failed'))).toHaveLength(1);
    expect(lines.filter(({ ticks }) => ticks !== undefined)).toMatchObject([{ ticks: 1, shard: '0' }]);
    expect(lines.filter(({ loopErrors }) => loopErrors !== undefined)).toMatchObject([{ loopErrors: 2 }, { loopErrors: 2003 }]);
  });

  test('the numbers of a promotion are read each ten seconds, and told under its name; sums that do not add up are logged', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
    const gauges = { state: 'OPEN', joined: 500, inLine: 300, inProcessing: 100, issued: 100, failed: 0, stock: 900, nowServing: 200, createdAtMs: 1, broken: [] as string[] };
    const lines = await linesOf(() =>
      createHandler({ ...quiet, readGauges: async (id) => (id === 'p' ? { ...gauges } : Promise.reject(new Error('away'))), drainLoop: async ({ report }: { report: DrainReport }) => {
        for (const [ms, nowServing, broken] of [[0, 0, []], [10_000, 200, []], [20_000, 300, ['stock -1 is not negative']]] as const) {
          clock.mockReturnValue(ms);
          Object.assign(gauges, { nowServing, broken: [...broken] });
          report.visited('p', false);
          if (ms === 20_000) report.failed('q', new Error('x'));
          report.ticked();
          await new Promise((resolve) => void setImmediate(resolve));
        }
        return 'DEADLINE';
      } }, 'refuse')({ shard: 1, shards: 2 }, context),
    );
    const told = lines.flatMap(metricsIn);
    const ofPromotion = (...more: string[]) => ['joined 500 Count', 'inLine 300 Count', 'inProcessing 100 Count', 'couponsIssued 100 Count', 'usersFailed 0 Count', 'stock 900 Count', ...more].map((metric) => `promotion=p service=test: ${metric}`);
    // The first reading has nothing to compare with; after it 100 of 300 left the line in 10 s.
    expect(told.filter((metric) => metric.includes('promotion='))).toEqual([...ofPromotion(), ...ofPromotion('waitSeconds 30 Seconds')]);
    expect(told.filter((metric) => metric.includes('shard='))).toEqual(['ticks 2 Count', 'activePromotions 1 Count', 'ticks 1 Count', 'activePromotions 2 Count'].map((metric) => `service=test shard=1: ${metric}`));
    expect(told.filter((metric) => /brokenSums|standingLines/.test(metric))).toEqual(['brokenSums 0', 'standingLines 0', 'brokenSums 1', 'standingLines 0'].map((metric) => `service=test: ${metric} Count`));
    expect(lines.filter(({ level }) => level === 'ERROR').map(({ message, promotionId }) => `${String(promotionId)}: ${String(message)}`)).toEqual([
      'q: A promotion could not be served; all others go on',
      'q: The numbers of a promotion could not be read',
      'p: The numbers of a promotion do not add up',
    ]);
    const named = new Set<string>(Object.values(metricNames).flat());
    expect(told.map((metric) => /: (\w+) /.exec(metric)?.[1] ?? '').filter((name) => !named.has(name))).toEqual([]);
  });

  test('a run that is superseded tells the last numbers of what came to rest; of users that it dropped, some', async () => {
    const gauges = { state: 'OPEN', joined: 500, inLine: 0, inProcessing: 0, issued: 500, failed: 0, stock: 0, nowServing: 500, createdAtMs: 1, broken: [] };
    const run = (stopped: 'SUPERSEDED' | 'DEADLINE') =>
      linesOf(() =>
        createHandler({ ...quiet, readGauges: async () => gauges, drainLoop: async ({ report }: { report: DrainReport }) => {
          report.visited('p', false);
          report.visited('p', true);
          for (let i = 0; i < 3; i++) report.dropped('p', Array.from({ length: 500 }, (_, n) => `kim${n}`));
          return stopped;
        } }, 'refuse')({}, context),
      );
    const lines = await run('SUPERSEDED');
    expect(lines.flatMap(metricsIn)).toContain('promotion=p service=test: stock 0 Count');
    expect(lines.filter(({ level }) => level === 'ERROR')).toMatchObject([{ dropped: 500, users: Array.from({ length: 20 }, (_, n) => hashed(`kim${n}`)) }]);
    expect((await run('DEADLINE')).flatMap(metricsIn)).toEqual(['service=test: loopErrors 1500 Count']);
  });

  test('only the busiest promotions have metrics of their own; the sums of all are checked', async () => {
    const gauges = { state: 'OPEN', joined: 5, inLine: 5, inProcessing: 0, issued: 0, failed: 0, stock: 9, nowServing: 0, createdAtMs: 1, broken: ['x'] };
    const lines = await linesOf(() =>
      createHandler({ ...quiet, readGauges: async () => gauges, drainLoop: async ({ report }: { report: DrainReport }) => {
        for (let i = 0; i < 30; i++) report.visited(`p${i}`, false);
        return 'SUPERSEDED';
      } }, 'refuse')({}, context),
    );
    expect(lines.flatMap(metricsIn).filter((metric) => metric.includes(': stock'))).toHaveLength(10);
    expect(lines.flatMap(metricsIn)).toContain('service=test: brokenSums 30 Count');
  });

  test('a hashed user id tells users apart and gives none away', () => {
    expect(hashed('kim')).toMatch(/^[0-9a-f]{16}$/);
    expect(hashed('kim')).not.toBe(hashed('lee'));
  });
});
