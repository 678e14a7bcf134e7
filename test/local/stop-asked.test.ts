import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'vitest';

const MODULE = JSON.stringify(new URL('../../local/stop-asked.ts', import.meta.url).href);
const LATER_MS = 350;

/** A program that says what it is told, and stops by itself only when it is told so on its standard input. */
async function program({ onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
  const script = `
    import { onStopAsked } from ${MODULE};
    onStopAsked(() => console.log('stop'), () => console.log('abandon'));
    process.stdin.once('data', () => process.exit(0));
    console.log('begun');`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (chunk) => (said += String(chunk)));
  const ended = once(child, 'close') as Promise<[number | null]>;
  await once(child.stdout, 'data');
  return { child, ended: async () => ({ code: (await ended)[0], said: said.trim().split('\n') }) };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.concurrent('onStopAsked', () => {
  it('takes what arrives at the same time for one ask', async ({ expect, ...test }) => {
    const { child, ended } = await program(test);
    child.kill('SIGINT');
    child.kill('SIGTERM');
    child.kill('SIGHUP');
    await pause(LATER_MS);
    child.stdin.end('end');
    expect(await ended()).toEqual({ code: 0, said: ['begun', 'stop'] });
  });

  it('ends the program at once when it is asked again', async ({ expect, ...test }) => {
    const { child, ended } = await program(test);
    child.kill('SIGINT');
    const asking = setInterval(() => child.kill('SIGINT'), LATER_MS);
    test.onTestFinished(() => clearInterval(asking));
    expect(await ended()).toEqual({ code: 1, said: ['begun', 'stop', 'abandon'] });
  });
});
