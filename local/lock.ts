import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Failure } from './failure.ts';
import { makeFolder } from './folders.ts';

/** A lock that nobody refers to would be collected, and given up with it. */
const held = new Set<DatabaseSync>();

/**
 * Takes a data folder for this process alone. The lock is SQLite's on a file in it, which the system itself gives up when
 * the process ends, SIGKILL included: it can't go stale, and two that start at once can't both have it.
 * @returns what gives it up
 * @throws Failure if another run has the folder, or if it can't be written.
 */
export function lockDataDir(dataDir: string): () => void {
  let database: DatabaseSync;
  try {
    makeFolder(dataDir);
    const file = join(dataDir, 'lock');
    // SQLite would open a file that it may only read, and then not get the lock.
    for (const path of [dataDir, file]) if (existsSync(path)) accessSync(path, constants.W_OK);
    database = new DatabaseSync(file);
  } catch (error) {
    throw new Failure(`The data folder ${dataDir} can't be written (${(error as Error).message}): make it writable, or choose another.`);
  }
  try {
    // Nothing is ever written: a journal file would only be left behind.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch {
    database.close();
    throw new Failure(`Another local run uses ${dataDir}: stop it first.`);
  }
  held.add(database);
  return () => {
    held.delete(database);
    database.close();
  };
}
