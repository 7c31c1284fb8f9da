import { Database } from 'bun:sqlite';
import { join } from 'node:path';
import { openShop } from '../support/shop.ts';
import { describeRubbishContract, type RawMessage, type RubbishShop } from './rubbish.contract.ts';

const HUGE_BYTES = 1_500_000;

describeRubbishContract(openRubbishShop, HUGE_BYTES);

async function openRubbishShop(): Promise<RubbishShop> {
  const shop = await openShop();
  let logs = '';

  function withDatabase<T>(work: (db: Database) => T): T {
    const db = new Database(join(shop.folder, 'pulsecart.db'), { readwrite: true });
    try {
      return work(db);
    } finally {
      db.close();
    }
  }

  function put(db: Database, messages: readonly RawMessage[], deliveries: number): void {
    const insert = db.prepare(`
      INSERT INTO messages (id, queue, body, items, published_at, available_at, deliveries)
      SELECT coalesce(max(id), 0) + 1, ?1, CAST(?2 AS TEXT), 1, ?3, ?3, ?4 FROM messages`);
    for (const { queue, content } of messages) insert.run(queue, content, Date.now(), deliveries);
  }

  return {
    shop,
    secret: async () =>
      withDatabase((db) => {
        const sql = "SELECT value FROM secrets WHERE name = 'purchase_ids'";
        return db.query<{ value: Uint8Array }, []>(sql).get()!.value;
      }),
    async work(messages, afterCrash) {
      await shop.server.stop();
      logs += shop.server.log();
      // A process that dies leaves what it had under way counted as delivered.
      withDatabase((db) => put(db, messages, afterCrash ? 1 : 0));
      await shop.restart();
    },
    logs: () => logs + shop.server.log(),
    [Symbol.asyncDispose]: () => shop[Symbol.asyncDispose](),
  };
}
