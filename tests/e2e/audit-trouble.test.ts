import { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { openShop } from '../support/shop.ts';

test('P6 an audit that an operator asks for and that fails says why in one sentence, without a stack', async () => {
  await using shop = await openShop();
  {
    // As a mistake of ours would have it: the audit asks for what is not there.
    using db = new Database(join(shop.folder, 'pulsecart.db'));
    // The server may be writing.
    db.exec('PRAGMA busy_timeout = 20000; DROP TABLE generations');
  }
  const { status, json } = await shop.call('POST', '/api/v1/ops/audit', { body: { reason: 'a look' } });
  expect(status).toBe(503);
  const sentence = json.detail ?? json.message;
  expect(sentence).toMatch(/^The audit could not be carried out: \w*Error: no such table: generations$/);
});
