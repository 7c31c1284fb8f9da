import { Database } from 'bun:sqlite';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LedgerUnderTest, ledgerContract } from '../../../tests/conformance/ledger.contract.ts';
import { systemClock } from '../../domain/clock.ts';
import type { Product } from '../../domain/product.ts';
import { openSqliteBooks } from './ledger/books.ts';
import { openSqliteLedger } from './ledger.ts';
import { openStore, openStoreReadOnly } from './store.ts';
import { openThreadedStore } from './threaded.ts';

ledgerContract('SQLite in this thread, with a clock that can be moved', async () => {
  const folder = newFolder();
  let aheadMs = 0;
  const now = () => Date.now() + aheadMs;
  let store = openStore(folder);
  let ledger = openSqliteLedger(store, now);
  return {
    get ledger() {
      return ledger;
    },
    books: booksOf(folder, now),
    now,
    async passTime(ms) {
      aheadMs += ms;
    },
    setState: (productId, state) => setState(folder, productId, state),
    async reopen() {
      store.close();
      store = openStore(folder);
      ledger = openSqliteLedger(store, now);
    },
    async close() {
      store.close();
      rmSync(folder, { recursive: true });
    },
  };
});

ledgerContract('SQLite in a thread of its own', async () => {
  const folder = newFolder();
  const open = () => openThreadedStore(folder, systemClock, fail, fail);
  let store = await open();
  const made: LedgerUnderTest = {
    get ledger() {
      return store.ledger;
    },
    books: booksOf(folder, systemClock),
    now: systemClock,
    passTime: (ms) => Bun.sleep(ms),
    setState: (productId, state) => setState(folder, productId, state),
    async reopen() {
      await store.close();
      store = await open();
    },
    async close() {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
  return made;
});

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'pulsecart-ledger-'));
}

/** Reads like the audit does: on a connection of its own, beside the one that writes. */
function booksOf(folder: string, now: () => number): LedgerUnderTest['books'] {
  return {
    async read() {
      const store = openStoreReadOnly(folder);
      try {
        return await openSqliteBooks(store, now).read();
      } finally {
        store.close();
      }
    },
  };
}

async function setState(folder: string, productId: number, state: Product['state']): Promise<void> {
  const db = new Database(join(folder, 'pulsecart.db'), { readwrite: true });
  db.run('PRAGMA busy_timeout = 5000');
  db.run('UPDATE products SET state = ?, version = version + 1 WHERE id = ?', [state, productId]);
  db.close();
}

function fail(error: unknown): never {
  throw error;
}
