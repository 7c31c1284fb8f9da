import { Database } from 'bun:sqlite';
import { join } from 'node:path';

/** Keeps the store in `folder` from writing, as a disk that hangs would, until released. */
export function holdWrites(folder: string): Disposable {
  const db = new Database(join(folder, 'pulsecart.db'));
  db.exec('PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE');
  return {
    [Symbol.dispose]() {
      db.exec('ROLLBACK');
      db.close();
    },
  };
}
