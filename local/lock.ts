import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Failure } from './failure.ts';

/**
 * Takes a data folder for this process alone. The lock is SQLite's on a file in it, which the system itself gives up when
 * the process ends, SIGKILL included: it can't go stale, and two that start at once can't both have it.
 * @returns what gives it up
 * @throws Failure if another run has the folder, or if it can't be written.
 */
export function lockDataDir(dataDir: string): () => void {
  let database: DatabaseSync;
  try {
    mkdirSync(dataDir, { recursive: true });
    database = new DatabaseSync(join(dataDir, 'lock'));
  } catch (error) {
    throw new Failure(`The data folder ${dataDir} can't be written (${(error as Error).message}): make it writable.`);
  }
  try {
    // Nothing is ever written: a journal file would only be left behind.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch {
    database.close();
    throw new Failure(`Another local run uses ${dataDir}: stop it first.`);
  }
  return () => database.close();
}
