import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from './failure.ts';

/** One code bundle of the assembly: its folder, and the name its construct had. */
export interface Asset {
  dir: string;
  displayName: string | undefined;
}

/** A cloud assembly with one stack, as `bin/app.ts` writes it. */
export interface Assembly {
  template: Record<string, unknown>;
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
 * @throws Failure if there is none, or if it does not hold exactly one stack.
 */
export function readAssembly(dir: string): Assembly {
  const manifest = readJson(join(dir, 'manifest.json')) as Manifest;
  const artifacts = Object.entries(manifest.artifacts ?? {});
  const stacks = artifacts.filter(([, artifact]) => artifact.type === 'aws:cloudformation:stack');
  const [stack] = stacks;
  if (stack === undefined || stacks.length > 1) {
    throw new Failure(`The local run wants exactly one stack in ${dir} and found ${stacks.length}: synthesize one stage only.`);
  }
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
  const template = readJson(join(dir, stack[1].properties?.templateFile ?? `${stack[0]}.template.json`));
  return { template: template as Record<string, unknown>, assets };
}

function readJson(path: string): unknown {
  if (!existsSync(path)) throw new Failure(`The cloud assembly lacks ${path}: synthesize it again.`);
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    throw new Failure(`${path} is not JSON: synthesize the cloud assembly again.`);
  }
}
