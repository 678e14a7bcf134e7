import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { clearAssembly } from './assembly.ts';
import { Failure } from './failure.ts';

const SYNTH_TIMEOUT_MS = 120_000;
const OUTPUT_KEPT_CHARS = 100_000;

/**
 * Synthesizes the CDK app into `outDir`, which it clears of an earlier assembly first, with a context as `cdk deploy -c …`
 * would give it.
 * @throws Failure with the app's own error line, if `outDir` holds something else, or if it takes longer than 2 minutes or is aborted.
 */
export async function synthesize(options: {
  repositoryDir: string;
  outDir: string;
  context: Record<string, string>;
  signal?: AbortSignal | undefined;
}): Promise<void> {
  clearAssembly(options.outDir);
  const child = spawn(process.execPath, [join('bin', 'app.ts')], {
    cwd: options.repositoryDir,
    env: {
      ...process.env,
      CDK_OUTDIR: options.outDir,
      CDK_CONTEXT_JSON: JSON.stringify(options.context),
      // The checks of `cdk synth` take half of its time, and nothing is deployed here.
      CDK_VALIDATION: 'false',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own, so that its bundlers can be ended with it.
    detached: true,
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-OUTPUT_KEPT_CHARS)));
  const killGroup = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };
  const timer = setTimeout(killGroup, SYNTH_TIMEOUT_MS);
  options.signal?.addEventListener('abort', killGroup, { once: true });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(timer);
  options.signal?.removeEventListener('abort', killGroup);
  if (code === 0) return;
  if (options.signal?.aborted === true) throw new Failure('The local run was stopped while the CDK app was running.');
  if (code === null) throw new Failure(`The CDK app was killed, after ${SYNTH_TIMEOUT_MS / 1000} s at most: run \`npm run synth\` to see why.`);
  throw new Failure(`The CDK app failed: ${errorLine(output)}`);
}

/** The line of a failed program's output that says what happened: the error itself where there is one, else the last line. */
export function errorLine(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(at |Node\.js v|\^|npm warn|}$)/.test(line));
  return lines.find((line) => /^(\w*Error\b|«\w+»|✘ \[ERROR\])/.test(line)) ?? lines.at(-1) ?? 'it said nothing; run `npm run synth`.';
}
