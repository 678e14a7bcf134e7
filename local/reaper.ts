import { spawn } from 'node:child_process';

/** Ends processes that this one leaves behind. */
export interface Reaper {
  add(pid: number): void;
  remove(pid: number): void;
  stop(): void;
}

/** The last list of process ids that it was given is the one that counts when standard input ends. */
const SCRIPT = 'pids=; while read -r line; do pids=$line; done; [ -z "$pids" ] || kill -KILL $pids 2>/dev/null';

/**
 * Starts a small shell that kills the given processes as soon as this process is gone, SIGKILL included. Function processes
 * also watch for that themselves, but one that is stuck in an endless loop can't.
 */
export function startReaper(): Reaper {
  const pids = new Set<number>();
  const shell = spawn('/bin/sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  // Without its shell the local run still works; only the protection against endless loops is lost.
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  const publish = (): void => void shell.stdin.write(`${[...pids].join(' ')}\n`);
  return {
    add(pid) {
      pids.add(pid);
      publish();
    },
    remove(pid) {
      pids.delete(pid);
      publish();
    },
    stop: () => shell.stdin.end(),
  };
}
