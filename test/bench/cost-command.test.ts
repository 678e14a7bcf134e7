import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const COST = path.join(import.meta.dirname, '..', '..', 'bin', 'cost.ts');

const runCost = (...args: string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [COST, ...args], (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }));
  });

describe.concurrent('npm run cost, wrongly asked', () => {
  test.each([
    { args: ['--joins', '0'], sentence: "option '--joins <count>' argument '0' is invalid. It must be a whole number from 1 to 1,000,000,000." },
    { args: ['--polls', '1.5'], sentence: "option '--polls <count>' argument '1.5' is invalid. It must be a whole number from 0 to 10,000." },
    { args: ['--coupons', 'many'], sentence: "option '--coupons <count>' argument 'many' is invalid. It must be a whole number from 0 to 1,000,000,000." },
    { args: ['--hours', '745'], sentence: "option '--hours <count>' argument '745' is invalid. It must be a whole number from 1 to 744." },
    { args: ['--region', 'eu-west-1'], sentence: "option '--region <name>' argument 'eu-west-1' is invalid. Allowed choices are us-east-1, ap-northeast-2." },
    { args: ['--stage', 'test'], sentence: "option '--stage <name>' argument 'test' is invalid. Allowed choices are dev, prod." },
    { args: ['--poll', '3'], sentence: "unknown option '--poll'" },
    { args: ['5000'], sentence: 'too many arguments' },
  ])('$args ends with a sentence and code 1', async ({ args, sentence }) => {
    const { code, stdout, stderr } = await runCost(...args);
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/^ +at /m);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });
});

describe.concurrent('npm run cost', () => {
  test('prints the lines of one region, what they rest on, and whether the polls fit the pace', async () => {
    const { code, stdout, stderr } = await runCost('--region', 'ap-northeast-2', '--joins', '1000000', '--polls', '10', '--coupons', '100000');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ {2}HTTP API +11,000,000 requests +\$13\.53$/m);
    expect(stdout).toContain('the coupons last for 1,000 s, and a phone polls 100 times');
    expect(stdout).toContain('10 polls are those of another pace: change --polls');
    expect(stdout).toMatch(/^ {2}0\.2 +of the size of a log line is kept +assumed$/m);
    expect(stdout).toContain('Prices of 2026-11-23');
    expect(stdout).not.toContain('us-east-1');
    expect(stdout).not.toContain('provisioned concurrency');
  });

  test('says nothing of the pace where the polls fit it', async () => {
    expect((await runCost('--polls', '90')).stdout).not.toContain('another pace');
  });

  test('with --json answers one object, both regions by default', async () => {
    const { stdout } = await runCost('--json', '--stage', 'dev', '--provisioned', '10', '--hours', '3');
    const cost = JSON.parse(stdout) as { stage: string; sale: object; regions: { region: string; sale: { usd: number }; idleMonth: { usd: number } }[] };
    expect(cost).toMatchObject({ stage: 'dev', sale: { provisioned: { environments: 10, hours: 3 } } });
    expect(cost.regions.map(({ region }) => region)).toEqual(['us-east-1', 'ap-northeast-2']);
    for (const { sale, idleMonth } of cost.regions) expect(Math.min(sale.usd, idleMonth.usd)).toBeGreaterThan(0);
  });
});
