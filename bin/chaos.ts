import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readChaosArguments } from '../bench/chaos-options.ts';
import { FAULT_KINDS } from '../bench/chaos-plan.ts';
import { chaosJson, chaosText } from '../bench/chaos-report.ts';
import { chaos } from '../bench/chaos.ts';
import { openProgress, restoreTerminal } from '../bench/progress.ts';
import { onStopAsked } from '../local/stop-asked.ts';

const DRAIN_INTERVAL_MS = 200;
const LEASE_MS = 2_000;

const say = (line: string) => process.stderr.write(`${line}\n`);
const broken = new AbortController();
const { signal } = broken;
const args = readChaosArguments(process.argv);
const { users, stock, seed, rounds, timeoutMs } = args;
const dataDir = mkdtempSync(path.join(tmpdir(), 'coupon-chaos-'));
// What still writes there when the run is abandoned may add a file in between.
const removeData = () => rmSync(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
let keep = false;
onStopAsked(
  () => broken.abort(new Error('The run was broken off.')),
  () => {
    restoreTerminal();
    say('The run ends without waiting for what it has started to end.');
    removeData();
  },
);
try {
  say(`${users} users rush for ${stock} coupons while the system is killed and paused, seed ${seed}.`);
  const view = openProgress(users);
  const pace = { drainIntervalMs: DRAIN_INTERVAL_MS, leaseMs: LEASE_MS };
  const result = await chaos({ dataDir, users, stock, seed, rounds, kinds: FAULT_KINDS, ...pace, timeoutMs, view, say: view.note, signal });
  console.log(args.json ? chaosJson(result) : `\n${chaosText(result)}`);
  keep = !result.audit.passed;
} catch (error) {
  // What fails while a run is being broken off fails for that.
  const reason: unknown = signal.aborted ? signal.reason : error;
  say(reason instanceof Error ? reason.message : String(reason));
  keep = !signal.aborted;
} finally {
  if (keep) say(`Logs and data are kept in ${dataDir}.`);
  else removeData();
  if (keep || signal.aborted) process.exitCode = 1;
}
