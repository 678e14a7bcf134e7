import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, firstLine } from './failure.ts';
import { provideFolder } from './folders.ts';
import type { StackTemplate } from './stacks.ts';

const MANIFEST = 'manifest.json';

/** One code bundle of the assembly: its folder, and the name its construct had. */
export interface Asset {
  dir: string;
  displayName: string | undefined;
}

/** A cloud assembly with the stacks of one stage, as `bin/app.ts` writes it. */
export interface Assembly {
  templates: StackTemplate[];
  /** By the S3 key under which the template knows the bundle. */
  assets: Map<string, Asset>;
}

interface Manifest {
  artifacts?: Record<string, { type: string; properties?: { templateFile?: string; file?: string } }>;
}
interface AssetManifest {
  files?: Record<
    string,
    { displayName?: string; source: { path: string; packaging: string }; destinations: Record<string, { objectKey: string }> }
  >;
}

/**
 * Reads a cloud assembly from its folder.
 * @throws Failure if there is none, or no stack in it.
 */
export function readAssembly(dir: string): Assembly {
  const manifest = readJson(join(dir, MANIFEST)) as Manifest;
  const artifacts = Object.entries(manifest.artifacts ?? {});
  const stacks = artifacts.filter(([, artifact]) => artifact.type === 'aws:cloudformation:stack');
  if (stacks.length === 0) throw new Failure(`The local run found no stack in ${dir}: synthesize a stage there.`);
  const assets = new Map<string, Asset>();
  for (const [, artifact] of artifacts) {
    if (artifact.type !== 'cdk:asset-manifest' || artifact.properties?.file === undefined) continue;
    const { files = {} } = readJson(join(dir, artifact.properties.file)) as AssetManifest;
    for (const file of Object.values(files)) {
      if (file.source.packaging !== 'zip') continue;
      for (const { objectKey } of Object.values(file.destinations)) {
        assets.set(objectKey, { dir: join(dir, file.source.path), displayName: file.displayName });
      }
    }
  }
  const templates = stacks.map(([id, { properties }]) => readJson(join(dir, properties?.templateFile ?? `${id}.template.json`)) as StackTemplate);
  return { templates, assets };
}

/**
 * Makes `dir` ready for a new assembly: there, and without the files of an earlier one.
 * @throws Failure if it holds something else, which is somebody's, or can't be written
 */
export function clearAssembly(dir: string): void {
  provideFolder(dir);
  const names = readdirSync(dir);
  if (names.length > 0 && !holdsAssembly(dir)) {
    throw new Failure(`${dir} holds files that are no cloud assembly and would be lost: move them away, or choose another data folder.`);
  }
  try {
    // The CDK writes its manifest last: by this one the next run knows the folder if this one is killed before.
    writeFileSync(join(dir, MANIFEST), '{"artifacts":{}}');
    for (const name of names) if (name !== MANIFEST) rmSync(join(dir, name), { recursive: true, force: true });
  } catch (error) {
    throw new Failure(`${dir} can't be cleared (${firstLine(error)}): delete it.`);
  }
}

function holdsAssembly(dir: string): boolean {
  try {
    const { artifacts } = JSON.parse(readFileSync(join(dir, MANIFEST), 'utf8')) as Manifest;
    return typeof artifacts === 'object';
  } catch {
    return false;
  }
}

function readJson(path: string): unknown {
  if (!existsSync(path)) throw new Failure(`The cloud assembly lacks ${path}: synthesize it again.`);
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    throw new Failure(`${path} is not JSON: synthesize the cloud assembly again.`);
  }
}
