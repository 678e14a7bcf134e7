import { execFile } from 'node:child_process';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startFakeApi, type FakeApi, type Behaviour } from './fake-api.ts';

const RUSH = path.join(import.meta.dirname, '..', '..', 'bin', 'rush.ts');

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

const runRush = (...args: string[]) =>
  new Promise<Ended>((resolve) => {
    execFile(process.execPath, [RUSH, ...args], (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }));
  });

let fake: FakeApi | undefined;
afterEach(() => fake?.stop());
async function fakeUrl(behaviour: Behaviour = {}): Promise<string> {
  fake = await startFakeApi(behaviour);
  return fake.url;
}

describe.concurrent('npm run rush, wrongly asked', () => {
  it.each([
    { args: ['--users', '0'], sentence: "option '--users <n>' argument '0' is invalid. It must be a whole number from 1 to 1,000,000." },
    { args: ['--users', 'many'], sentence: "option '--users <n>' argument 'many' is invalid. It must be a whole number from 1 to 1,000,000." },
    { args: ['--stock', '-1'], sentence: "option '--stock <n>' argument '-1' is invalid. It must be a whole number from 0 to 1,000,000,000." },
    { args: ['--promotion', 'a b'], sentence: "option '--promotion <id>' argument 'a b' is invalid. It must match ^[A-Za-z0-9_-]{1,64}$." },
    { args: ['--batch', '1001'], sentence: "option '--batch <n>' argument '1001' is invalid. It must be a whole number from 1 to 1,000." },
    { args: ['--url', 'localhost:3000'], sentence: "option '--url <url>' argument 'localhost:3000' is invalid. It must be an http:// or https:// URL." },
    { args: ['--redis', 'localhost'], sentence: "option '--redis <url>' argument 'localhost' is invalid. It must be a redis:// or rediss:// URL." },
    { args: ['--timeout', '0'], sentence: "option '--timeout <seconds>' argument '0' is invalid. It must be a whole number from 1 to 86,400." },
    { args: ['--user', '5'], sentence: "unknown option '--user'" },
    { args: ['5000'], sentence: 'too many arguments' },
    { args: ['--batch', '5', '--url', 'http://127.0.0.1:1'], sentence: "option '--batch' is for a system that rush starts by itself" },
    { args: ['--url', 'http://127.0.0.1:1'], sentence: 'http://127.0.0.1:1 does not answer (ECONNREFUSED): check --url' },
  ])('$args ends with a sentence and code 1', async ({ args, sentence }) => {
    const { code, stdout, stderr } = await runRush(...args);
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/^ +at /m);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });
});

describe('npm run rush', () => {
  it('reports the figures, the audit and the verdict', async () => {
    const { code, stdout, stderr } = await runRush('--users', '30', '--stock', '10', '--url', await fakeUrl({ opensAt: 30 }));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^users +30: 10 won, 20 lost, 0 sold out at the door$/m);
    expect(stdout).toMatch(/^join latency +p50 [\d.]+ ms, p99 [\d.]+ ms, max [\d.]+ ms \(30 requests\)$/m);
    expect(stdout).toMatch(/^ok +every join was answered: 30 users/m);
    expect(stdout).toMatch(/^not audited +the winners are exactly the first tickets/m);
    expect(stdout).toMatch(/^Audit passed, as far as HTTP alone can show: .*\.$/m);
    expect(stderr).toMatch(/^ +\d+\.\d s {2}joined \d+ {2}waiting \d+ .* joins\/s/m);
  });

  it('prints nothing but one object with --json', async () => {
    const { code, stdout } = await runRush('--users', '30', '--stock', '10', '--promotion', 'sale', '--json', '--url', await fakeUrl({ opensAt: 30 }));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      promotionId: 'sale',
      users: 30,
      stock: 10,
      issued: 10,
      lost: 20,
      joinLatencyMs: { count: 30 },
      audit: { passed: true, checks: expect.arrayContaining([expect.objectContaining({ promise: 'every join was answered', result: 'ok' })]) },
    });
  });

  it('ends with code 1 and the offending users when the audit fails', async () => {
    const { code, stdout } = await runRush('--users', '60', '--stock', '10', '--url', await fakeUrl({ opensAt: 60, oversell: 12 }));
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAILED +issued = stock, as far as there were takers: 22 won, 10 expected \(stock 10, 60 joined\)(\n {15}user-\d\d \(COMPLETED\)){10}\n {15}and 2 more$/m);
    expect(stdout).toContain('Audit FAILED: 3 of 12 promises are broken.');
  });

  it('ends with code 1 on Ctrl-C', async () => {
    const url = await fakeUrl({ asleep: true });
    const ended = new Promise<Ended>((resolve) => {
      const child = execFile(process.execPath, [RUSH, '--url', url, '--users', '5'], (error, stdout, stderr) =>
        resolve({ code: Number(error?.code), stdout, stderr }),
      );
      child.stderr?.on('data', (text: string) => text.includes('joined') && child.kill('SIGINT'));
    });
    expect(await ended).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/The rush was broken off\.\n$/) });
  });
});
