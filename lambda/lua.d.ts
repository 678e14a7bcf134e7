/** A Lua script, imported as its text (esbuild's `text` loader in the bundles, a small plugin in vitest). */
declare module '*.lua' {
  const source: string;
  export default source;
}
