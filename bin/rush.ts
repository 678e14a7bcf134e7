import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openProgress, restoreTerminal } from '../bench/progress.ts';
import { reportJson, reportText } from '../bench/report.ts';
import { findRunningSystem, type RunningSystem } from '../bench/running-system.ts';
import { readRushArguments, type RushArguments } from '../bench/rush-options.ts';
import { rush } from '../bench/rush.ts';
import { onStopAsked } from '../local/stop-asked.ts';

const ENDPOINTS_FILE = fileURLToPath(new URL('../.local/endpoints.json', import.meta.url));

const say = (line: string) => process.stderr.write(`${line}\n`);
const broken = new AbortController();
const { signal } = broken;
let ownDataDir: string | undefined;
const removeOwnData = () => {
  // What still writes there when the rush is abandoned may add a file in between.
  if (ownDataDir !== undefined) rmSync(ownDataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
};
onStopAsked(
  () => broken.abort(new Error('The rush was broken off.')),
  () => {
    restoreTerminal();
    say('The rush ends without waiting for what it has started to end.');
    removeOwnData();
  },
);

const cleanups: (() => void | Promise<void>)[] = [];
try {
  const args = readRushArguments(process.argv);
  const { apiUrl, redisUrl } = await provideSystem(args);
  const { users, stock, promotion: promotionId, timeoutMs } = args;
  say(`${users} users rush to ${apiUrl} for ${stock} coupons of promotion ${promotionId}.`);
  const redisMustAnswer = args.redis !== undefined;
  const view = openProgress(users);
  const result = await rush({ apiUrl, redisUrl, redisMustAnswer, promotionId, users, stock, timeoutMs, view, signal });
  console.log(args.json ? reportJson(result) : `\n${reportText(result)}`);
  if (!result.audit.passed) process.exitCode = 1;
} catch (error) {
  // What fails while a rush is being broken off fails for that.
  const reason: unknown = signal.aborted ? signal.reason : error;
  say(reason instanceof Error ? reason.message : String(reason));
  process.exitCode = 1;
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup();
}

/** The system that runs, or one started for this crowd. */
async function provideSystem({ url, redis, batch }: RushArguments): Promise<RunningSystem> {
  const running = await findRunningSystem(ENDPOINTS_FILE, url);
  if (running !== undefined) {
    if (batch !== undefined) throw new Error(`A system runs at ${running.apiUrl} with a batch size of its own: leave --batch out, or stop it first.`);
    return { apiUrl: running.apiUrl, redisUrl: redis ?? running.redisUrl };
  }
  if (redis !== undefined) throw new Error('--redis names the Redis of a running system, and none runs: start it, or leave --redis out.');
  say('No system runs here: starting one for this crowd …');
  return startOwnSystem(batch);
}

async function startOwnSystem(batch: number | undefined): Promise<RunningSystem> {
  const startedAt = performance.now();
  // Only here, since the emulator that it brings takes most of the time that this program needs to load.
  const { startSystem } = await import('../local/system.ts');
  ownDataDir = mkdtempSync(path.join(tmpdir(), 'coupon-rush-'));
  cleanups.push(removeOwnData);
  const system = await startSystem({
    dataDir: ownDataDir,
    port: 0,
    ...(batch !== undefined && { context: { batchSize: String(batch) } }),
    redisUrl: process.env.REDIS_URL || undefined,
    log: say,
    signal,
  });
  cleanups.push(() => system.stop());
  void system.failed.then((sentence) => broken.abort(new Error(sentence)));
  say(`It is ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
  return system.endpoints;
}
