import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FunctionLog } from './function-log.ts';
import { REGION } from './intrinsics.ts';
import type { Reaper } from './reaper.ts';
import type { FunctionError, RuntimeApi, RuntimeCall } from './runtime-api.ts';

/** What a function process needs to know. */
export interface FunctionSpec {
  name: string;
  codeDir: string;
  handler: string;
  environment: Record<string, string>;
  memoryMb: number;
  timeoutMs: number;
}

/** What came of a call. */
export type InvokeResult =
  | { outcome: 'answered'; payload: string }
  | { outcome: 'failed'; error: FunctionError }
  | { outcome: 'timed-out'; error: FunctionError }
  | { outcome: 'throttled' };

export interface Call {
  requestId: string;
  payload: string;
  settle(result: InvokeResult): void;
}

export interface ProcessSurroundings {
  runtimeApi: RuntimeApi;
  reaper: Reaper;
  log: FunctionLog;
}

export interface FunctionProcess {
  /** Hands a ready process its next call. */
  run(call: Call): void;
  /** Asks the process to end after its call, and kills it after `graceMs`. Resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
}

interface ProcessEvents {
  /** The process waits for a call. */
  ready(): void;
  /** The process takes no more calls. `initError`: it never came to take one. */
  ended(initError: FunctionError | undefined): void;
}

const BOOTSTRAP = fileURLToPath(new URL('bootstrap.mjs', import.meta.url));
/** Lambda's own limit for a function's initialisation. */
const INIT_TIMEOUT_MS = 10_000;

/** Starts one process of a function: it takes one call at a time, with the function's memory and timeout. */
export function startFunctionProcess(spec: FunctionSpec, around: ProcessSurroundings, events: ProcessEvents): FunctionProcess {
  let take: ((call: RuntimeCall) => void) | undefined;
  let current: { call: Call; timer: NodeJS.Timeout } | undefined;
  let initError: FunctionError | undefined;
  let initialised = false;
  let over = false;
  let stopping = false;

  const settle = (result: InvokeResult): void => {
    const settled = current;
    current = undefined;
    clearTimeout(settled?.timer);
    settled?.call.settle(result);
  };
  const end = (): void => {
    if (over) return;
    over = true;
    clearTimeout(initTimer);
    attached.detach();
    events.ended(initialised ? undefined : (initError ?? exitError(child)));
  };
  const kill = (): void => {
    child.kill('SIGKILL');
    end();
  };

  const attached = around.runtimeApi.attach(spec.name, {
    ready(taker) {
      if (over) return;
      initialised = true;
      clearTimeout(initTimer);
      take = taker;
      events.ready();
    },
    answered(requestId, payload) {
      if (current?.call.requestId === requestId) settle({ outcome: 'answered', payload });
    },
    failed(requestId, error) {
      if (current?.call.requestId === requestId) settle({ outcome: 'failed', error });
    },
    initFailed(error) {
      initError = error;
    },
  });

  // The name is for whoever lists the processes.
  const child = spawn(process.execPath, [`--max-old-space-size=${spec.memoryMb}`, BOOTSTRAP, spec.name], {
    cwd: spec.codeDir,
    env: runtimeEnvironment(spec, attached.address),
    stdio: ['pipe', 'pipe', 'pipe'],
    // A Ctrl-C in the terminal is for the runner, which lets functions finish.
    detached: true,
  });
  const { pid } = child;
  if (pid !== undefined) around.reaper.add(pid);
  child.stdin.on('error', () => {});
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => around.log.write('stdout', chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => around.log.write('stderr', chunk));
  const gone = new Promise<void>((resolve) => {
    const finish = (): void => {
      if (pid !== undefined) around.reaper.remove(pid);
      if (current !== undefined) {
        const error = exitError(child);
        around.log.note(`${error.errorMessage} during a call${stopping ? '' : '; the next call starts it anew'}.`);
        settle({ outcome: 'failed', error });
      }
      end();
      resolve();
    };
    child.once('exit', finish);
    child.once('error', finish);
  });
  const initTimer = setTimeout(() => {
    initError = { errorType: 'Sandbox.Timedout', errorMessage: `Init timed out after ${INIT_TIMEOUT_MS / 1000} seconds` };
    kill();
  }, INIT_TIMEOUT_MS);

  return {
    run(call) {
      const timer = setTimeout(() => {
        const errorMessage = `Task timed out after ${(spec.timeoutMs / 1000).toFixed(2)} seconds`;
        around.log.note(errorMessage);
        settle({ outcome: 'timed-out', error: { errorType: 'Sandbox.Timedout', errorMessage } });
        kill();
      }, spec.timeoutMs);
      current = { call, timer };
      take?.({ requestId: call.requestId, payload: call.payload, deadlineMs: Date.now() + spec.timeoutMs });
      take = undefined;
    },
    async stop(graceMs) {
      stopping = true;
      child.kill('SIGTERM');
      const timer = setTimeout(kill, graceMs);
      await gone;
      clearTimeout(timer);
    },
  };
}

function exitError(child: ChildProcess): FunctionError {
  const how = child.signalCode === null ? `exit status ${child.exitCode ?? 'unknown'}` : `signal ${child.signalCode}`;
  return { errorType: 'Runtime.ExitError', errorMessage: `The function's process ended with ${how}` };
}

/** The whole environment of a function process: the function's own and what Lambda adds, nothing of the runner's. */
function runtimeEnvironment(spec: FunctionSpec, runtimeApiAddress: string): Record<string, string> {
  return {
    ...spec.environment,
    AWS_LAMBDA_RUNTIME_API: runtimeApiAddress,
    AWS_LAMBDA_FUNCTION_NAME: spec.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memoryMb),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${spec.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `local/${spec.name}`,
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_REGION: spec.environment.AWS_REGION ?? REGION,
    LAMBDA_TASK_ROOT: spec.codeDir,
    _HANDLER: spec.handler,
    TZ: ':UTC',
    LANG: 'en_US.UTF-8',
  };
}
