import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { composeScript, type Script } from '../../lambda/queue/script.ts';

const FOLDER = path.join(import.meta.dirname, '../../lambda/queue');
const read = (file: string) => readFileSync(path.join(FOLDER, file), 'utf8');

/** Another clock in the place of the prelude's: the last argument of each call is the server's time. */
const CLOCK = 'local simulated_now_ms = tonumber(table.remove(ARGV))\nlocal function server_now_ms() return simulated_now_ms, 0 end\n';

/** A script as the simulation runs it. */
export interface SimulatedScript extends Script {
  /** Name of its operation, such as join. */
  name: string;
}

/** Deliberate mistakes: name of a script → its text with the mistake. */
export type Mistakes = Record<string, (text: string) => string>;

/** The scripts that run in the place of the real ones, found by the hash and by the source of the real one. */
export function simulatedScripts(mistakes: Mistakes = {}): Map<string, SimulatedScript> {
  const scripts = new Map<string, SimulatedScript>();
  for (const file of readdirSync(FOLDER)) {
    if (!file.endsWith('.lua') || file === 'prelude.lua') continue;
    const name = file.replace('.lua', '');
    const text = read(file);
    const mistaken = mistakes[name]?.(text) ?? text;
    if (mistakes[name] && mistaken === text) throw new Error(`The mistake in ${file} changes nothing: it no longer fits the script.`);
    const real = composeScript(text);
    const simulated = { ...composeScript(mistaken.replace('\n', () => `\n${CLOCK}`)), name };
    scripts.set(real.sha, simulated);
    scripts.set(real.source, simulated);
  }
  return scripts;
}
