import { Database } from 'bun:sqlite';
import { join } from 'node:path';
import { AppError } from '../../domain/errors.ts';
import {
  DATABASE_FILE,
  exists,
  LATEST_SCHEMA,
  LOCK_FILE,
  lockFolder,
  openStore,
  openStoreReadOnly,
} from './store.ts';

/** The state of a store, read without changing it. */
export interface FoundStore {
  readonly sqliteVersion: string;
  /** 0: no store yet. */
  readonly schema: number;
  readonly latestSchema: number;
  /** Whether a server uses the folder now. */
  readonly inUse: boolean;
}

/** Throws AppError `unusable_store` for a database file that cannot be used. */
export function examineStore(folder: string): FoundStore {
  const latestSchema = LATEST_SCHEMA;
  if (!exists(join(folder, DATABASE_FILE))) {
    return { sqliteVersion: sqliteVersion(), schema: 0, latestSchema, inUse: false };
  }
  const store = openStoreReadOnly(folder, { anySchema: true });
  try {
    const schema = store.db.query<{ user_version: number }, []>('PRAGMA user_version').get()!.user_version;
    return { sqliteVersion: sqliteVersion(), schema, latestSchema, inUse: isInUse(folder) };
  } finally {
    store.close();
  }
}

/** Throws AppError `unusable_store` like `openStore`, also while a server uses the folder. */
export function migrateStore(folder: string): void {
  openStore(folder).close();
}

function isInUse(folder: string): boolean {
  // A process that holds a folder has made it. Checking for the lock would create the folder.
  if (!exists(join(folder, LOCK_FILE))) return false;
  try {
    lockFolder(folder).close();
    return false;
  } catch (error) {
    if (error instanceof AppError && error.message.startsWith('Another')) return true;
    throw error;
  }
}

function sqliteVersion(): string {
  const db = new Database(':memory:');
  try {
    return db.query<{ version: string }, []>('SELECT sqlite_version() AS version').get()!.version;
  } finally {
    db.close();
  }
}
