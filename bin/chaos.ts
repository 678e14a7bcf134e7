import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readChaosArguments } from '../bench/chaos-options.ts';
import { FAULT_KINDS } from '../bench/chaos-plan.ts';
import { chaosJson, chaosText } from '../bench/chaos-report.ts';
import { chaos } from '../bench/chaos.ts';
import { openProgress } from '../bench/progress.ts';

const DRAIN_INTERVAL_MS = 200;
const LEASE_MS = 2_000;

const say = (line: string) => process.stderr.write(`${line}\n`);
const broken = new AbortController();
const { signal } = broken;
const breakOff = () => {
  // Whoever asks twice does not want to wait; what was started notices that this process is gone.
  if (signal.aborted) process.exit(1);
  broken.abort(new Error('The run was broken off.'));
};
process.on('SIGINT', breakOff).on('SIGTERM', breakOff).on('SIGHUP', breakOff);

const args = readChaosArguments(process.argv);
const { users, stock, seed, rounds, timeoutMs } = args;
const dataDir = mkdtempSync(path.join(tmpdir(), 'coupon-chaos-'));
let keep = false;
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
  else rmSync(dataDir, { recursive: true, force: true });
  if (keep || signal.aborted) process.exitCode = 1;
}
