import { readFileSync } from 'node:fs';

/** Linux counts CPU of other processes in ticks of 10 ms. */
const TICK_MICROS = 10_000;
/** Fields of /proc/…/stat behind the name, which is in brackets: user time is the 12th of them, system time the 13th. */
const USER_FIELD = 11;
const SYSTEM_FIELD = 12;

/** CPU (µs) that a process has used so far; NaN where the system does not say (not Linux), or when it is gone. */
export function processCpuMicros(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[USER_FIELD]) + Number(fields[SYSTEM_FIELD])) * TICK_MICROS;
  } catch {
    return Number.NaN;
  }
}
