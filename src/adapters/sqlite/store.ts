import { Database } from 'bun:sqlite';
import { accessSync, closeSync, constants as fs, mkdirSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../domain/errors.ts';
import tables from './migrations/0001-tables.sql' with { type: 'text' };
import descriptionsAndSearch from './migrations/0002-descriptions-and-search.sql' with { type: 'text' };
import history from './migrations/0003-history.sql' with { type: 'text' };
import webhooks from './migrations/0005-webhooks.sql' with { type: 'text' };
import providerEvents from './migrations/0006-provider-events.sql' with { type: 'text' };
import { watchFiles } from './own-files.ts';

/** In order; a released migration is never edited. */
export const MIGRATIONS: readonly string[] = [
  tables,
  descriptionsAndSearch,
  history,
  webhooks,
  providerEvents,
];
export const LATEST_SCHEMA = MIGRATIONS.length;

export const DATABASE_FILE = 'pulsecart.db';
export const LOCK_FILE = 'pulsecart.lock';
/** The open files of a running server. */
const OPEN_FILES = [DATABASE_FILE, `${DATABASE_FILE}-wal`, `${DATABASE_FILE}-shm`, LOCK_FILE];

/**
 * Pages the write-ahead log grows to before its content is copied into the main file (4 KiB each). Small enough that a
 * copy takes a few milliseconds, and a log that is overwritten in place syncs about twice as fast as one that grows.
 */
const CHECKPOINT_PAGES = 1000;

/**
 * How long a commit waits for a foreign writer, such as a backup tool. Well below a purchase's time limit, so that the answer
 * is "nothing was done" instead of "unknown".
 */
const BUSY_MS = 1_000;
/** The same after a vain wait, until a commit succeeds: the next in line would wait for all those before it. */
const STILL_BUSY_MS = 20;

/** A corrupt file of up to this size is found at start; checking a larger one would delay every start. */
const QUICK_CHECK_BYTES_MAX = 64 * 1024 * 1024;

/** The one SQLite file behind the embedded ledger and queue. */
export interface Store {
  readonly db: Database;
  /**
   * Runs `work` as one transaction and returns its result once it is on disk, in files that still have their names. Throws
   * AppError `unavailable` when nothing was written, `outcome_unknown` when the disk failed during the commit itself or the
   * files are lost; any other error of `work` passes through after a rollback.
   */
  write<T>(work: () => T): T;
  /** Writes a row and waits for the disk, as a purchase does. Throws like `write`. */
  probe(): void;
  /** Runs `work`, which only reads. Throws AppError `unavailable` when the store cannot be read. */
  read<T>(work: () => T): T;
  /** False when the open files were deleted or replaced. */
  hasItsFiles(): boolean;
  close(): void;
}

/**
 * Opens the store in `folder`, creating folder and file as needed, and migrates it. Throws AppError `unusable_store`, having
 * changed nothing, when the folder cannot be written, another process uses it, the file is corrupt or has a newer schema.
 *
 * `onLost` is called once when files of the open store were deleted or replaced, which each commit and `hasItsFiles`
 * notice. No write is possible any more then.
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
      // Without the lock another process may be writing already.
      if (!names.includes(LOCK_FILE)) emptyLog(db);
      onLost(lost(folder, names));
      return false;
    };
    const close = () => {
      try {
        // Closing would do this, too, but only once the last statement of the last connection is garbage-collected.
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
 * Opens an existing store for reading, possibly beside a running server. Throws `unusable_store` likewise, and for tables of
 * an older PulseCart, unless they are only examined.
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
 * Copies the write-ahead log into the database while both are open here. A deleted log cannot be opened again; and a log
 * left beside another database would be read into that.
 */
function emptyLog(db: Database): void {
  try {
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // The files cannot be saved.
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

/** The value must change: SQLite writes nothing for an unchanged row. */
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

/** Translates SQLite errors for the caller. Other errors (bugs, broken constraints) pass through. */
function storeError(error: unknown, committing: boolean): unknown {
  const code = (error as { code?: string }).code ?? '';
  // A quota, or a disk that refuses writes for another reason than ENOSPC, is `IOERR_WRITE`. A commit's last write to the log
  // is its commit frame, with a checksum; so after a failed write there is no commit, now or after a crash. After a failed
  // sync (`IOERR_FSYNC`) that is unknown.
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
 * Locks the folder for this process. An exclusive transaction on a file of its own is a lock that the operating system
 * releases however the process ends, and that leaves the main file free for readers.
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
 * The file contains customers and the key that signs ids: a missing file is created for its owner only, and SQLite creates
 * the files beside it with the same mode.
 */
function makeFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    // An existing file is never closed here: that would release this process's locks on it.
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
 * Checks the file before any write, through a connection that cannot write: a writable one would, closing as the last,
 * copy a crash's write-ahead log into the very file that is refused.
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

/** Throws AppError `unusable_store` where the check is refused. */
export function exists(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // The folder's path is a file.
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw new AppError('unusable_store', `${file} cannot be looked at: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
