import { accessSync, constants, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Failure, firstLine } from './failure.ts';

/**
 * Makes a folder and those above it. Node's own `recursive` tries for ever where no folder can be made, such as in /proc.
 * @throws the system's error
 */
export function makeFolder(dir: string): void {
  if (existsSync(dir) && statSync(dir).isDirectory()) return;
  if (dirname(dir) !== dir) makeFolder(dirname(dir));
  mkdirSync(dir);
}

/**
 * Makes sure, before anything slow is begun, that a folder is there and that it and all that is in it can be written.
 * @throws Failure that names what can't
 */
export function provideFolder(dir: string): void {
  let path = dir;
  try {
    makeFolder(dir);
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
      path = join(entry.parentPath, entry.name);
      accessSync(path, constants.W_OK);
    }
  } catch (error) {
    const [reason] = firstLine(error).split(',');
    throw new Failure(`${path} can't be written (${reason}): make it writable for this user, or choose another folder with --data-dir.`);
  }
}
