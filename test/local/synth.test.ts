import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorLine, synthesize } from '../../local/synth.ts';
import { temporaryDir } from './tiny-assembly.ts';

/** A repository whose CDK app is the given program. */
function repository(app: string): string {
  const dir = temporaryDir();
  mkdirSync(join(dir, 'bin'));
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  writeFileSync(join(dir, 'bin', 'app.ts'), app);
  return dir;
}

it('empties the folder and gives the app its context', async () => {
  const outDir = temporaryDir();
  writeFileSync(join(outDir, 'old'), '');
  const app = `
    import { existsSync } from 'node:fs';
    const expected = JSON.stringify({ stage: 'dev', batchSize: '7' });
    if (process.env.CDK_CONTEXT_JSON !== expected || existsSync(process.env.CDK_OUTDIR + '/old')) process.exit(1);`;
  const synth = synthesize({ repositoryDir: repository(app), outDir, context: { stage: 'dev', batchSize: '7' } });
  await expect(synth).resolves.toBeUndefined();
});

it("fails with the app's own error line", async () => {
  const failing = synthesize({
    repositoryDir: repository('throw new RangeError("batchSize must be at most 1000");'),
    outDir: temporaryDir(),
    context: {},
  });
  await expect(failing).rejects.toThrow(/^The CDK app failed: RangeError: batchSize must be at most 1000$/);
});

it('ends the app when it is stopped', async () => {
  const stopping = new AbortController();
  const dir = temporaryDir();
  const app = `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(join(dir, 'begun'))}, ''); setInterval(() => {}, 1000);`;
  const stopped = synthesize({ repositoryDir: repository(app), outDir: join(dir, 'out'), context: {}, signal: stopping.signal });
  stopping.abort();
  await expect(stopped).rejects.toThrow(/stopped while the CDK app was running/);
});

describe('the line that says what happened', () => {
  it.each([
    ['an uncaught error', 'file:///a/b.ts:3\n    throw new Error(x)\n          ^\n\nError: no such stage\n    at f (b.ts:3)\n\nNode.js v24.21.0\n', 'Error: no such stage'],
    ['an error of the CDK', 'npm warn Unknown\n\n«CannotFind» Cannot find a file\n    ...new X...\n', '«CannotFind» Cannot find a file'],
    ['an error of the bundler', 'Bundling asset x...\n✘ [ERROR] Could not resolve "y"\n\n    a.ts:1:2:\n', '✘ [ERROR] Could not resolve "y"'],
    ['a sentence', 'Bundling asset x...\nThe stage "x" is unknown.\n', 'The stage "x" is unknown.'],
    ['silence', '\n', 'it said nothing; run `npm run synth`.'],
  ])('is found in %s', (_what, output, line) => {
    expect(errorLine(output)).toBe(line);
  });
});
