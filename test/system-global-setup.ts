import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { synthesize } from '../local/synth.ts';

declare module 'vitest' {
  interface ProvidedContext {
    assemblyDir: string;
  }
}

/** The pace of the system under test: a sale of a hundred takes a second, and a lost message comes again soon. */
const context = { stage: 'dev', batchSize: '10', drainIntervalMs: '100', leaseMs: '2000' };

/** Synthesizes the CDK app once for all journeys of a run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const assemblyDir = await mkdtemp(path.join(tmpdir(), 'coupon-queue-assembly-'));
  await synthesize({ repositoryDir: path.join(import.meta.dirname, '..'), outDir: assemblyDir, context });
  project.provide('assemblyDir', assemblyDir);
  return () => rm(assemblyDir, { recursive: true, force: true });
}
