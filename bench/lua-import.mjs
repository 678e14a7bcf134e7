// Lets plain Node import a Lua script as its text, as esbuild's `text` loader does in the bundles: node --import ./bench/lua-import.mjs …
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

registerHooks({
  load(url, context, nextLoad) {
    if (!url.endsWith('.lua')) return nextLoad(url, context);
    return { format: 'module', shortCircuit: true, source: `export default ${JSON.stringify(readFileSync(new URL(url), 'utf8'))};` };
  },
});
