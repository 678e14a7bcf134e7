import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chaos } from '../bench/chaos.ts';

const CROWD_TIMEOUT_MS = 100_000;
/** That of the crowd, the start and the audit. */
const TIMEOUT_MS = 180_000;
const LEASE_MS = 1_000;
/** One kill of each part, one pause longer than a lease, and one loss of messages, which only sending them again makes good. */
const KINDS = ['kill redis', 'kill runner', 'kill join', 'kill status', 'kill issuer', 'kill drain-loop', 'pause issuer', 'flush scripts', 'lose messages'] as const;

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'coupon-queue-chaos-'));
});
afterAll(() => rm(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }));

test('every part is killed once in the middle of a sale: nothing is lost, nobody wins twice, the first in line win', async () => {
  const said: string[] = [];
  const { audit, issued, suffered, calls } = await chaos({
    dataDir,
    users: 300,
    stock: 100,
    seed: 1,
    rounds: 1,
    kinds: KINDS,
    drainIntervalMs: 50,
    leaseMs: LEASE_MS,
    timeoutMs: CROWD_TIMEOUT_MS,
    view: { show: () => undefined, stop: () => undefined },
    say: (line) => void said.push(line),
    signal: new AbortController().signal,
  });
  console.log(said.join('\n'));
  expect(audit.checks.filter(({ result }) => result !== 'ok')).toEqual([]);
  expect(issued).toBe(100);
  expect(new Set(suffered.map(({ kind }) => kind))).toEqual(new Set(KINDS));
  // Calls that a killed part took with it: else this would not have been a bad day.
  expect(calls.unknown + Object.values(calls.faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
}, TIMEOUT_MS);
