import { closeSync, fsyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { DATABASE_FILE, openStoreReadOnly } from './store.ts';

/**
 * Copies the store of `folder`, as of one commit, into the folder `into`, which has none; a server may keep writing. The
 * copy is readable by its owner only, and synced to disk. Throws AppError `unusable_store` like `openStoreReadOnly`, and
 * `unavailable` when the copy cannot be written.
 */
export function copyStore(folder: string, into: string, now: Clock): { file: string; atMs: number } {
  const { db, close } = openStoreReadOnly(folder);
  const file = join(into, DATABASE_FILE);
  try {
    // SQLite writes into an empty file, which keeps its owner and its mode.
    closeSync(openSync(file, 'wx', 0o600));
    // It would forbid the copy, too.
    db.exec('PRAGMA query_only = OFF');
    const atMs = now();
    db.query('VACUUM INTO ?').run(file);
    toDisk(file);
    return { file, atMs };
  } catch (error) {
    const why = (error as Error).message;
    throw new AppError('unavailable', `The copy cannot be written: ${why}`, { cause: error });
  } finally {
    close();
  }
}

function toDisk(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
