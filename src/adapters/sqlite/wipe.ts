import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../domain/errors.ts';
import { DATABASE_FILE, exists, lockFolder, openStoreReadOnly } from './store.ts';

/** An unused folder's store, to be deleted. Holds the folder's lock until closed. */
export interface StoreWipe {
  /** Counts of the data to delete; empty without a store. */
  contents(): { readonly what: string; readonly count: number }[];
  /**
   * Deletes the store's own files and nothing else; the lock's stay. A kill at any moment leaves a whole store or none.
   */
  wipe(): void;
  close(): void;
}

/** Throws AppError `unusable_store` while a server uses the folder. */
export function openStoreWipe(folder: string): StoreWipe {
  const file = join(folder, DATABASE_FILE);
  // The database is deleted first: a start between two deletions finds none, because SQLite ignores a log without its
  // database. A database without its log would lack its newest orders.
  const files = [file, `${file}-wal`, `${file}-shm`, `${file}-journal`];
  // A folder without a store stays untouched: even a lock would be a new file in it.
  const lock = files.some(exists) ? lockFolder(folder) : null;
  return {
    contents: () => (lock ? count(folder) : []),
    wipe() {
      if (lock) for (const path of files) remove(path);
    },
    close: () => lock?.close(),
  };
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (cause) {
    throw new AppError('unusable_store', `${path} cannot be deleted: ${(cause as Error).message}`, { cause });
  }
}

const COUNTED = [
  ['products', 'SELECT count(*) AS n FROM products'],
  ['orders', 'SELECT count(*) AS n FROM orders'],
  ['refused async purchases', 'SELECT count(*) AS n FROM outcomes'],
  ['idempotency keys', 'SELECT count(*) AS n FROM keys'],
  ['queued purchases and charges', 'SELECT coalesce(sum(items), 0) AS n FROM messages'],
  ['dead letters', 'SELECT count(*) AS n FROM dead_letters'],
  ['entries in the log of operators', 'SELECT count(*) AS n FROM audit_log'],
] as const;

function count(folder: string): { what: string; count: number }[] {
  try {
    const store = openStoreReadOnly(folder, { anySchema: true });
    try {
      return COUNTED.map(([what, query]) => ({
        what,
        count: store.db.query<{ n: number }, []>(query).get()!.n,
      }));
    } finally {
      store.close();
    }
  } catch (error) {
    // Damaged, or of another release: that may be the very reason for the wipe.
    const why = error instanceof AppError ? error.message : String(error);
    return [{ what: `database that cannot be counted (${why})`, count: 1 }];
  }
}
