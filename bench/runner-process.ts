import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { spawnGuarded, type Guarded } from '../local/guardian.ts';

const RUNNER = fileURLToPath(new URL('../bin/local.ts', import.meta.url));
/** The runner synthesizes first; on a machine that does other things besides, that takes its time. */
const START_TIMEOUT_MS = 90_000;
/** What the runner takes at most to stop cleanly. */
const STOP_SECONDS = 20;
const POLL_INTERVAL_MS = 50;

export interface RunnerOptions {
  dataDir: string;
  port: number;
  redisUrl: string;
  /** CDK context, such as `{ batchSize: 20 }`. */
  context: Record<string, string | number>;
}

/**
 * Starts what `npm start` starts, in a process that dies with this one, and waits until it serves.
 * @throws Error with a sentence if it does not come to that
 */
export async function startRunner({ dataDir, port, redisUrl, context }: RunnerOptions): Promise<Guarded> {
  const endpointsFile = path.join(dataDir, 'endpoints.json');
  // A run that was killed leaves its own behind.
  rmSync(endpointsFile, { force: true });
  const args = Object.entries(context).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const runner = await spawnGuarded(process.execPath, [RUNNER, '--port', String(port), '--data-dir', dataDir, ...args], {
    env: { ...process.env, REDIS_URL: redisUrl },
    graceSeconds: STOP_SECONDS,
  });
  let ended: string | undefined;
  void runner.exited.then((how) => (ended = how));
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!existsSync(endpointsFile)) {
    if (ended !== undefined) throw new Error(`The local run ended ${ended} while it started. It said: ${lastLine(runner)}`);
    if (performance.now() > deadline) {
      await runner.stop();
      throw new Error(`The local run did not serve within ${START_TIMEOUT_MS / 1000} s: try again when the machine is less busy.`);
    }
    await pause(POLL_INTERVAL_MS);
  }
  return runner;
}

/** The last thing that the runner said. */
export const lastLine = (runner: Guarded) => runner.recentOutput().trim().split('\n').at(-1) || 'nothing';
