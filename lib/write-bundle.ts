import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const standIn = (name: string) => fileURLToPath(new URL(`stand-ins/${name}.cjs`, import.meta.url));

/** What takes the place of a package in the bundles; each file says why. */
export const standIns = { '@ioredis/commands': standIn('redis-commands'), debug: standIn('debug') };

/**
 * Writes a module with everything that it imports as one CommonJS module. As an ES module it would import Node's own modules with
 * all that they export, getters that load others among them: `node:http` alone added 18 ms to a cold start.
 * @throws Error of esbuild, which names the file and line.
 */
export function writeBundle(entryFile: string, outFile: string, alias: Record<string, string> = standIns): void {
  buildSync({
    entryPoints: [entryFile],
    outfile: outFile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    mainFields: ['module', 'main'],
    loader: { '.lua': 'text' },
    minify: true,
    // ioredis names its errors after their classes, so renaming those would change what the code and the logs see.
    keepNames: true,
    alias,
    logLevel: 'silent',
  });
}
