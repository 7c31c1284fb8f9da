import { Database } from 'bun:sqlite';
import { accessSync, closeSync, constants as fs, mkdirSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../domain/errors.ts';
import tables from './migrations/0001-tables.sql' with { type: 'text' };
import { watchFiles } from './own-files.ts';

/** In order; none is edited once it has been released. */
export const MIGRATIONS: readonly string[] = [tables];
export const LATEST_SCHEMA = MIGRATIONS.length;

export const DATABASE_FILE = 'pulsecart.db';
export const LOCK_FILE = 'pulsecart.lock';
/** What a running server has open. */
const OPEN_FILES = [DATABASE_FILE, `${DATABASE_FILE}-wal`, `${DATABASE_FILE}-shm`, LOCK_FILE];

/**
 * Pages the write-ahead log grows to before its content is copied into the main file (4 KiB each). Small enough that a
 * copy takes a few milliseconds, and a log that is written over in place syncs about twice as fast as one that grows.
 */
const CHECKPOINT_PAGES = 1000;

/**
 * How long a commit waits for somebody else who writes, which is nobody of ours. Well below the time in which a purchase is
 * answered, so that the answer is "nothing was done" instead of "nobody knows".
 */
const BUSY_MS = 1_000;
/** The same after one that waited in vain, until one gets through: the next in line would wait for all those before it. */
const STILL_BUSY_MS = 20;

/** A corrupt file of up to this size is found at start; checking a larger one would delay every start. */
const QUICK_CHECK_BYTES_MAX = 64 * 1024 * 1024;

/** The one SQLite file behind the embedded ledger and queue. */
export interface Store {
  readonly db: Database;
  /**
   * Runs `work` as one transaction and returns its result once it is on disk, in files that the folder still leads to.
   * Throws AppError `unavailable` when nothing was kept, `outcome_unknown` when the disk failed during the commit itself
   * or the files are lost; any other error of `work` passes through after a rollback.
   */
  write<T>(work: () => T): T;
  /** Writes something and waits for the disk, as a purchase does. Throws like `write`. */
  probe(): void;
  /** Runs `work`, which only reads. Throws AppError `unavailable` when the store cannot be read. */
  read<T>(work: () => T): T;
  /** False when the folder does not lead to the open files any more. */
  hasItsFiles(): boolean;
  close(): void;
}

/**
 * Opens the store in `folder`, making folder and file as needed, and migrates it. Throws AppError `unusable_store`, having
 * changed nothing, when the folder cannot be written, another process holds it, the file is corrupt or is of a newer
 * schema.
 *
 * `onLost` hears once when files of the open store were deleted or others are in their place, which is noticed by each
 * commit and by `hasItsFiles`. Nothing can be kept any more then.
 */
export function openStore(folder: string, onLost: (error: AppError) => void = () => {}): Store {
  const file = join(folder, DATABASE_FILE);
  prepareFolder(folder);
  const lock = lockFolder(folder);
  try {
    const db = openFile(file, { create: true });
    const lostFiles = watchFiles(folder, OPEN_FILES);
    let isLost = false;
    const hasItsFiles = () => {
      if (isLost) return false;
      const names = lostFiles();
      if (names.length === 0) return true;
      isLost = true;
      // Without the lock somebody else may be writing already.
      if (!names.includes(LOCK_FILE)) emptyLog(db);
      onLost(lost(folder, names));
      return false;
    };
    const close = () => {
      try {
        // Closing would do this, too, but only once the last statement of the last connection has been collected.
        db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      } finally {
        db.close();
        lock.close();
      }
    };
    return store(db, hasItsFiles, close);
  } catch (error) {
    lock.close();
    throw error;
  }
}

/**
 * Opens an existing store for reading beside a server that may be running. Throws `unusable_store` likewise, and for tables
 * that an older PulseCart made, unless they are only looked at.
 */
export function openStoreReadOnly(folder: string, { anySchema = false } = {}): Store {
  const file = join(folder, DATABASE_FILE);
  if (!exists(file)) throw new AppError('unusable_store', `There is no PulseCart data in ${folder}.`);
  const db = openFile(file, { create: false });
  const version = schemaVersion(db);
  if (version < LATEST_SCHEMA && !anySchema) {
    db.close();
    throw new AppError(
      'unusable_store',
      `The database file ${file} has schema ${version}, and this PulseCart reads schema ${LATEST_SCHEMA}: ` +
        '`pulsecart migrate` brings it up to date; the PulseCart that made it reads it as it is.',
    );
  }
  return store(
    db,
    () => true,
    () => db.close(),
  );
}

/**
 * Takes what the write-ahead log alone holds into the database while both are open here. Nobody finds a log again that
 * was deleted; and one that is left beside another database would be read into that.
 */
function emptyLog(db: Database): void {
  try {
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // There is nothing more to be done for them.
  }
}

function lost(folder: string, names: readonly string[]): AppError {
  const files = names.length === 1 ? 'a file' : 'files';
  return new AppError(
    'unavailable',
    `The data folder ${folder} has lost ${files} of this server, deleted or replaced while it ran: ${names.join(', ')}. ` +
      'Nothing can be kept any more.',
  );
}

/** It must change something: SQLite writes nothing for a row that stays as it was. */
const PROBE = `INSERT INTO counters VALUES ('probes', 1) ON CONFLICT DO UPDATE SET value = value + 1`;

function store(db: Database, hasItsFiles: () => boolean, close: () => void): Store {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const rollback = db.prepare('ROLLBACK');

  let isHeld = false;

  function setHeld(held: boolean): void {
    if (held === isHeld) return;
    isHeld = held;
    db.exec(`PRAGMA busy_timeout = ${held ? STILL_BUSY_MS : BUSY_MS}`);
  }

  function write<T>(work: () => T): T {
    let committing = false;
    let result: T;
    try {
      begin.run();
      result = work();
      committing = true;
      commit.run();
    } catch (error) {
      if (db.inTransaction) rollback.run();
      setHeld((error as { code?: string }).code === 'SQLITE_BUSY');
      throw storeError(error, committing);
    }
    setHeld(false);
    if (!hasItsFiles()) throw new AppError('outcome_unknown', 'The files of the store are lost.');
    return result;
  }

  return {
    db,
    write,
    probe: () => void write(() => db.query(PROBE).run()),
    hasItsFiles,
    read(work) {
      try {
        return work();
      } catch (error) {
        throw storeError(error, false);
      }
    },
    close,
  };
}

/** What an SQLite error means for the caller. Errors that are not the store's (bugs, broken constraints) stay as they are. */
function storeError(error: unknown, committing: boolean): unknown {
  const code = (error as { code?: string }).code ?? '';
  // A quota, or a disk that takes no more bytes for another reason than ENOSPC, is `IOERR_WRITE`. The last thing that a commit writes
  // to the log is the frame that makes it one, with a checksum; so where a write failed there is none, now or after a crash. Of
  // a sync that failed (`IOERR_FSYNC`) that cannot be said.
  if (/^SQLITE_(FULL|BUSY|LOCKED|READONLY|CANTOPEN|IOERR_WRITE)/.test(code)) {
    return new AppError('unavailable', `The store cannot be used now (${code}).`, { cause: error });
  }
  if (/^SQLITE_IOERR/.test(code)) {
    return new AppError(committing ? 'outcome_unknown' : 'unavailable', `The disk failed (${code}).`, {
      cause: error,
    });
  }
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) {
    return new AppError('unavailable', `The database file is damaged (${code}).`, { cause: error });
  }
  return error;
}

function prepareFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, fs.W_OK);
  } catch (error) {
    throw new AppError(
      'unusable_store',
      `The data folder ${folder} cannot be written: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

/**
 * Holds the folder for this process. An exclusive transaction on a file of its own is a lock that the operating system
 * lets go of however the process ends, and that leaves the main file free to readers.
 */
export function lockFolder(folder: string): Database {
  let lock: Database | undefined;
  try {
    makeFile(join(folder, LOCK_FILE));
    lock = new Database(join(folder, LOCK_FILE), { readwrite: true });
    lock.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    const busy = String((error as { code?: string }).code).startsWith('SQLITE_BUSY');
    throw new AppError(
      'unusable_store',
      busy
        ? `Another PulseCart process is using the data folder ${folder}.`
        : `The data folder ${folder} cannot be written: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/**
 * Customers, and the key that signs ids, are in it: where it is not there, it is made for its owner alone, and SQLite gives what it
 * puts beside it the same mode.
 */
function makeFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    // Never closed where it was there: that would end the locks that this process has on it.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function openFile(file: string, { create }: { create: boolean }): Database {
  let db: Database | undefined;
  try {
    if (exists(file)) check(file);
    else if (create) makeFile(file);
    // A reader opens the file for writing, too, because reading a write-ahead log needs its shared index; `query_only`
    // keeps it from changing anything.
    db = new Database(file, { create, readwrite: true, strict: true });
    db.exec('PRAGMA busy_timeout = 5000');
    if (create) {
      db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
               PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY`);
      migrate(db);
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    } else {
      db.exec('PRAGMA query_only = ON');
    }
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof AppError) throw error;
    throw new AppError(
      'unusable_store',
      `The database file ${file} cannot be used: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

/**
 * Looks at the file before anybody may write to it, through a connection that cannot: one that could would, closing as
 * the last one, copy what a crash left in the write-ahead log into the very file that is refused.
 */
function check(file: string): void {
  const db = new Database(file, { readonly: true });
  try {
    db.exec('PRAGMA busy_timeout = 5000');
    const version = schemaVersion(db);
    if (version > MIGRATIONS.length) {
      throw new AppError(
        'unusable_store',
        `The database file ${file} has schema ${version}; this PulseCart knows schemas up to ${MIGRATIONS.length}. ` +
          'Start the newer PulseCart that made it.',
      );
    }
    if (statSync(file).size > QUICK_CHECK_BYTES_MAX) return;
    const findings = db.query<{ quick_check: string }, []>('PRAGMA quick_check(1)').all();
    const finding = findings[0]?.quick_check ?? 'no answer';
    if (finding !== 'ok') {
      throw new AppError(
        'unusable_store',
        `The database file ${file} is damaged: ${finding.replaceAll('\n', ' ')}`,
      );
    }
  } finally {
    db.close();
  }
}

/** Each migration with its version in one transaction. */
export function migrate(db: Database, migrations = MIGRATIONS): void {
  for (let version = schemaVersion(db); version < migrations.length; version++) {
    db.transaction(() => {
      db.exec(migrations[version]!);
      db.exec(`PRAGMA user_version = ${version + 1}`);
    }).immediate();
  }
}

function schemaVersion(db: Database): number {
  return db.query<{ user_version: number }, []>('PRAGMA user_version').get()?.user_version ?? 0;
}

/** Throws AppError `unusable_store` where it cannot be told. */
export function exists(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // What should be the folder is a file.
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw new AppError('unusable_store', `${file} cannot be looked at: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
