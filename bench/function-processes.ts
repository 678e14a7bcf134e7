import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const LIST_TIMEOUT_MS = 10_000;
const LIST_BYTES_MAX = 10_000_000;

/** The ids of the processes in which a local run, whose own id is `runnerPid`, has a function. */
export async function functionProcesses(runnerPid: number, functionName: string): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,ppid=,args='], { timeout: LIST_TIMEOUT_MS, maxBuffer: LIST_BYTES_MAX });
  return stdout.split('\n').flatMap((row) => {
    const [pid, ppid, ...args] = row.trim().split(/\s+/);
    const isOne = Number(ppid) === runnerPid && args.at(-1) === functionName && args.at(-2)?.endsWith('bootstrap.mjs');
    return isOne ? [Number(pid)] : [];
  });
}
