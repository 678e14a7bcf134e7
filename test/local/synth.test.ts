import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
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

it('clears the folder of an earlier assembly and gives the app its context', async () => {
  const outDir = temporaryDir();
  writeFileSync(join(outDir, 'manifest.json'), '{"version":"1","artifacts":{}}');
  writeFileSync(join(outDir, 'old'), '');
  const app = `
    import { existsSync } from 'node:fs';
    const expected = JSON.stringify({ stage: 'dev', batchSize: '7' });
    if (process.env.CDK_CONTEXT_JSON !== expected || existsSync(process.env.CDK_OUTDIR + '/old')) process.exit(1);`;
  const synth = synthesize({ repositoryDir: repository(app), outDir, context: { stage: 'dev', batchSize: '7' } });
  await expect(synth).resolves.toBeUndefined();
});

it('goes on with a folder in which it was killed', async () => {
  const outDir = temporaryDir();
  const app = `import { writeFileSync } from 'node:fs'; writeFileSync(process.env.CDK_OUTDIR + '/half', ''); process.kill(process.pid, 'SIGKILL');`;
  await expect(synthesize({ repositoryDir: repository(app), outDir, context: {} })).rejects.toThrow('was killed');
  expect(readdirSync(outDir)).toContain('half');
  await synthesize({ repositoryDir: repository(''), outDir, context: {} });
  expect(readdirSync(outDir)).not.toContain('half');
});

it.each([
  ['no manifest', { 'thesis.txt': 'of years' }],
  ['a manifest of something else', { 'thesis.txt': 'of years', 'manifest.json': '{"manifest_version":3}' }],
])('leaves a folder of somebody else alone, which has %s', async (_what, files) => {
  const outDir = temporaryDir();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(outDir, name), text);
  const refused = synthesize({ repositoryDir: repository(''), outDir, context: {} });
  await expect(refused).rejects.toThrow(`${outDir} holds files that are no cloud assembly and would be lost`);
  expect(readdirSync(outDir).toSorted()).toEqual(Object.keys(files).toSorted());
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
