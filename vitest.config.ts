import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vitest/config';

/** Imports a Lua script as its text, as esbuild's `text` loader does in the bundles. */
const lua: Plugin = {
  name: 'lua',
  enforce: 'pre',
  load(id) {
    return id.endsWith('.lua') ? `export default ${JSON.stringify(readFileSync(id, 'utf8'))};` : undefined;
  },
};

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [lua],
        test: {
          name: 'unit',
          include: ['test/*.test.ts', 'test/http/**/*.test.ts', 'test/handlers/**/*.test.ts'],
        },
      },
    ],
  },
});
