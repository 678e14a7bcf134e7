import { randomUUID } from 'node:crypto';
import {
  startFunctionProcess,
  type Call,
  type FunctionProcess,
  type FunctionSpec,
  type InvokeResult,
  type ProcessSurroundings,
} from './function-process.ts';

export interface FunctionPool {
  /**
   * Calls the function with a JSON payload and waits for what comes of it; never rejects.
   * A call that finds no free process within `waitMsMax`, or too many others waiting, is throttled.
   */
  invoke(payload: string, waitMsMax: number): Promise<InvokeResult>;
  /** Takes no more calls, lets the running ones end within `graceMs`, then kills. Resolves when all processes are gone. */
  stop(graceMs: number): Promise<void>;
}

interface WaitingCall extends Call {
  timer: NodeJS.Timeout;
  expired: boolean;
}

/** On AWS more processes would start; here calls wait in line for the few, and a crowd on one machine needs a long one. */
const WAITING_CALLS_MAX = 20_000;
const WAITING_CHARS_MAX = 200_000_000;
/** A process that has answered asks for its next call at once; after this it counts as stuck, and another may start. */
const RETURN_MS = 200;

/** Makes a pool of at most `processesMax` processes of a function, each started when a call needs it. */
export function createFunctionPool(spec: FunctionSpec, processesMax: number, around: ProcessSurroundings): FunctionPool {
  const processes = new Set<FunctionProcess>();
  /** The last to become free is the next to be used: its caches are warm. */
  const idle: FunctionProcess[] = [];
  /** Those that have answered and are about to be free: no reason to start another. */
  const returning = new Map<FunctionProcess, NodeJS.Timeout>();
  const waiting = new Line();
  let starting = 0;
  let serving = 0;
  let stopped = false;

  const start = (): void => {
    starting += 1;
    let initialised = false;
    const process = startFunctionProcess(spec, around, {
      ready() {
        if (!initialised) {
          initialised = true;
          starting -= 1;
          serving += 1;
        }
        returned(process);
        const next = waiting.take();
        if (next === undefined) idle.push(process);
        else run(process, next);
      },
      ended(initError) {
        if (initialised) serving -= 1;
        else starting -= 1;
        processes.delete(process);
        returned(process);
        const index = idle.indexOf(process);
        if (index !== -1) idle.splice(index, 1);
        if (stopped) return;
        if (initError !== undefined) {
          around.log.note(`The function can't start: ${initError.errorMessage.split('\n', 1)[0]}`);
          // Others would fail the same way, one slow start after the other.
          if (serving === 0) waiting.settleAll({ outcome: 'failed', error: initError });
        }
        startIfNeeded();
      },
    });
    processes.add(process);
  };
  const startIfNeeded = (): void => {
    if (!stopped && waiting.size > starting + returning.size && processes.size < processesMax) start();
  };
  const run = (process: FunctionProcess, call: Call): void => {
    const settle = (result: InvokeResult): void => {
      const late = (): void => {
        returning.delete(process);
        startIfNeeded();
      };
      if (processes.has(process)) returning.set(process, setTimeout(late, RETURN_MS));
      call.settle(result);
    };
    process.run({ ...call, settle });
  };
  const returned = (process: FunctionProcess): void => {
    clearTimeout(returning.get(process));
    returning.delete(process);
  };

  return {
    invoke(payload, waitMsMax) {
      return new Promise((settle) => {
        const call = { requestId: randomUUID(), payload, settle };
        const free = idle.pop();
        if (stopped) settle({ outcome: 'throttled' });
        else if (free !== undefined) run(free, call);
        else if (waiting.add(call, waitMsMax)) startIfNeeded();
        else settle({ outcome: 'throttled' });
      });
    },
    async stop(graceMs) {
      stopped = true;
      waiting.settleAll({ outcome: 'throttled' });
      await Promise.all([...processes].map((process) => process.stop(graceMs)));
    },
  };
}

/** Calls that wait for a process, first come first served, bounded in number and size. */
class Line {
  private calls: WaitingCall[] = [];
  private head = 0;
  private chars = 0;
  size = 0;

  /** Answers false if the line is full. */
  add(call: Call, waitMsMax: number): boolean {
    if (this.size >= WAITING_CALLS_MAX || this.chars + call.payload.length > WAITING_CHARS_MAX) return false;
    const timer = setTimeout(() => {
      waitingCall.expired = true;
      this.leave(waitingCall);
      call.settle({ outcome: 'throttled' });
    }, waitMsMax);
    const waitingCall: WaitingCall = { ...call, timer, expired: false };
    this.calls.push(waitingCall);
    this.size += 1;
    this.chars += call.payload.length;
    return true;
  }

  take(): Call | undefined {
    while (this.size > 0) {
      const call = this.calls[this.head];
      this.head += 1;
      if (call === undefined || call.expired) continue;
      this.leave(call);
      return call;
    }
    return undefined;
  }

  settleAll(result: InvokeResult): void {
    for (let call = this.take(); call !== undefined; call = this.take()) call.settle(result);
  }

  private leave(call: WaitingCall): void {
    clearTimeout(call.timer);
    this.size -= 1;
    this.chars -= call.payload.length;
    // To shift an array for each call that leaves would cost more; the past is dropped in large pieces.
    if (this.size === 0) this.calls = [];
    else if (this.head < WAITING_CALLS_MAX) return;
    else this.calls = this.calls.slice(this.head);
    this.head = 0;
  }
}
