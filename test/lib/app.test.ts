import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { joinStacks, type StackTemplate } from '../../local/stacks.ts';
import { rendered, variablesOf, type Resource, type Shape } from './deployment.ts';

const appFile = fileURLToPath(new URL('../../bin/app.ts', import.meta.url));
const PROCESS_TIMEOUT_MS = 60_000;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'coupon-queue-app-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the app as the CDK CLI and the local run do, but from a folder that is not the project's. */
function synthesize(name: string, context: Record<string, unknown>, env: Record<string, string> = { CDK_VALIDATION: 'false' }) {
  const output = join(folder, name);
  const { status, stderr } = spawnSync(process.execPath, [appFile], {
    cwd: tmpdir(),
    encoding: 'utf8',
    timeout: PROCESS_TIMEOUT_MS,
    env: { PATH: process.env['PATH'], CDK_OUTDIR: output, CDK_CONTEXT_JSON: JSON.stringify(context), ...env },
  });
  return { output, status, stderr };
}

/** What each bundle exports as its handler, loaded as Lambda would: with its own environment, and no node_modules to lean on. */
function handlerTypes(bundles: readonly { file: string; variables: Record<string, string> }[]): unknown {
  const script = `
    const types = [];
    for (const { file, variables } of ${JSON.stringify(bundles)}) {
      process.env = { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's', ...variables };
      const { handler } = await import(file).catch(({ message }) => ({ handler: message }));
      types.push(typeof handler === 'string' ? handler : typeof handler);
    }
    console.log(JSON.stringify(types));
    process.exit();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: folder,
    encoding: 'utf8',
    timeout: PROCESS_TIMEOUT_MS,
  });
  return stdout ? JSON.parse(stdout) : stderr;
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

test('an assembly holds every function as one module that needs nothing but Node', () => {
  const { output, status, stderr } = synthesize('dev', { batchSize: '1000' });
  expect(status, stderr).toBe(0);
  const templates = ['data', 'service'].map((stack) => readJson(join(output, `coupon-queue-dev-${stack}.template.json`)) as StackTemplate);
  const bundles = Object.values(joinStacks(templates) as Record<string, Resource>)
    .filter(({ Type }) => Type === 'AWS::Lambda::Function')
    .map((resource) => {
      const hash = rendered((resource.Properties['Code'] as Shape)['S3Key']).replace(/\.zip$/, '');
      const variables = Object.fromEntries(Object.entries(variablesOf(resource)).map(([key, value]) => [key, rendered(value)]));
      return { asset: join(output, `asset.${hash}`), variables };
    });

  // A source map or a metafile beside the module would be shipped with it.
  expect(bundles.map(({ asset }) => readdirSync(asset))).toEqual(bundles.map(() => ['index.cjs']));
  expect(new Set(bundles.map(({ asset }) => asset)).size).toBe(bundles.length);
  const files = bundles.map(({ asset, variables }) => ({ file: pathToFileURL(join(asset, 'index.cjs')).href, variables }));
  expect(handlerTypes(files)).toEqual(bundles.map(() => 'function'));
});

const known = { issuer: 'https://issuer.example.com', audience: 'app', alarmEmail: 'on-call@example.com' };

test.each(['dev', 'prod'])('the checks that CDK has for a template find nothing in %s', (stage) => {
  const { output, status, stderr } = synthesize(`checked-${stage}`, { stage, ...known, 'aws:cdk:bundling-stacks': [] }, { CDK_VALIDATION: 'true' });
  expect(status, stderr).toBe(0);
  expect(readJson(join(output, 'validation-report.json'))).toMatchObject({ pluginReports: [] });
});

test('a finding of cdk-nag that nobody has acknowledged fails the synthesis, but no local run', () => {
  // As if nothing were acknowledged: what is left is found only if the checks run.
  const preload = join(folder, 'deaf.cjs');
  writeFileSync(preload, `require(${JSON.stringify(createRequire(appFile).resolve('cdk-nag'))}).NagPack.prototype.isAcknowledged = () => false;`);
  const context = { stage: 'prod', ...known, 'aws:cdk:bundling-stacks': [] };
  const deaf = (name: string, validation: string) => synthesize(name, context, { NODE_OPTIONS: `--require=${preload}`, CDK_VALIDATION: validation });
  const { status, stderr } = deaf('deaf', 'true');
  expect(status).toBe(1);
  expect(stderr).toContain('AwsSolutions-AEC6');
  expect(deaf('local', 'false').status).toBe(0);
});

test.each([
  ['unknown-stage', { stage: 'staging' }, 'There is no stage "staging": choose one of dev, prod (-c stage=dev).\n'],
  [
    'nobody-to-trust',
    { stage: 'prod' },
    'The stage prod does not say whose tokens it takes: set auth.issuer and auth.audience in lib/stages.ts, ' +
      'or give -c issuer=https://… -c audience=… (on one machine: npm start -- --auth jwt).\n',
  ],
  [
    'nobody-to-wake',
    { stage: 'prod', issuer: known.issuer, audience: known.audience },
    'The stage prod would wake nobody when something is wrong: set alarms.emails or alarms.topicArn in lib/stages.ts, or give -c alarmEmail=… or -c alarmTopicArn=….\n',
  ],
  ['bad-number', { batchSize: '1001' }, 'The context value batchSize is "1001", but must be a whole number from 1 to 1000 (-c batchSize=1).\n'],
])('%s is refused in one sentence', (name, context, sentence) => {
  const { output, status, stderr } = synthesize(name, context);
  expect({ status, stderr }).toEqual({ status: 1, stderr: sentence });
  expect(readdirSync(output)).not.toContain('manifest.json');
});
