import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const GUARDIAN = fileURLToPath(new URL('guardian.sh', import.meta.url));
/** How long a command may take to end after SIGTERM before it gets SIGKILL. */
const GRACE_SECONDS = 10;
/** How much longer the guardian may take before it counts as stuck. */
const GUARDIAN_SLACK_MS = 2_000;
const OUTPUT_KEPT_CHARS = 4_000;
/** How a shell reports that a signal ended a command: this plus the signal's number. */
const SHELL_SIGNAL_BASE = 128;

export interface Guarded {
  /** The process id of the command itself, not of its guardian. */
  readonly pid: number;
  /** How the command ended, as the end of a sentence: "with exit code 1", "by SIGKILL". Never rejects. */
  readonly exited: Promise<string>;
  /** The end of what the command has printed. */
  recentOutput(): string;
  /** Ends the command: SIGTERM, then SIGKILL if it is still there after the grace. Resolves when it is gone. */
  stop(): Promise<void>;
}

/**
 * Starts a command that dies with this process, even when this process is killed with SIGKILL, and that a terminal's
 * Ctrl-C does not reach, so that whoever uses it can finish first.
 * @param options.env the complete environment of the command
 * @param options.graceSeconds whole seconds between SIGTERM and SIGKILL, 10 by default
 * @throws Error when there is no shell to start it with
 */
export async function spawnGuarded(
  command: string,
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; graceSeconds?: number },
): Promise<Guarded> {
  const graceSeconds = options.graceSeconds ?? GRACE_SECONDS;
  const guardian = spawn('/bin/sh', [GUARDIAN, String(graceSeconds), command, ...args], {
    env: options.env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = new Promise<string>((resolve) => {
    guardian.once('close', (code, signal) => resolve(describeEnd(code, signal)));
    guardian.once('error', (error) => resolve(`before it began: ${error.message}`));
  });
  // To close the input of a guardian that is already gone is no fault.
  guardian.stdin.on('error', () => {});

  let output = '';
  const keep = (text: string) => {
    output = (output + text).slice(-OUTPUT_KEPT_CHARS);
  };
  guardian.stderr.setEncoding('utf8').on('data', keep);

  const pid = await new Promise<number>((resolve, reject) => {
    let beginning: string | undefined = '';
    guardian.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (beginning === undefined) return keep(text);
      beginning += text;
      const lineEnd = beginning.indexOf('\n');
      if (lineEnd < 0) return;
      resolve(Number(beginning.slice(0, lineEnd)));
      keep(beginning.slice(lineEnd + 1));
      beginning = undefined;
    });
    void exited.then((how) => reject(new Error(`${command} ended ${how}.`)));
  });

  return {
    pid,
    exited,
    recentOutput: () => output,
    async stop() {
      guardian.stdin.end();
      const stuck = setTimeout(() => {
        for (const id of [pid, guardian.pid]) kill(id);
      }, graceSeconds * 1000 + GUARDIAN_SLACK_MS);
      await exited;
      clearTimeout(stuck);
    },
  };
}

function kill(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Already gone, which is what was wanted.
  }
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
  const byShell = Object.entries(constants.signals).find(([, number]) => code === SHELL_SIGNAL_BASE + number);
  const name = signal ?? byShell?.[0];
  return name ? `by ${name}` : `with exit code ${code}`;
}
