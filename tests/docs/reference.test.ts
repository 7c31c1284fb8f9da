import { describe, expect, test } from 'bun:test';
import { ORDERS_PER_MESSAGE } from '../../src/app/payments/message.ts';
import { encodePurchases } from '../../src/ports/purchase-message.ts';
import { QUEUE_NAMES } from '../../src/ports/queue.ts';
import { readDocument } from './documents.ts';
import { PAGES, SCHEMA_FILE, schemaText, upToDate } from './reference.ts';

describe.each(PAGES)('%s', (path) => {
  test('has what the code says: run `npm run reference` where it has not', () => {
    const page = readDocument(path);
    expect(page).toContain('<!-- begin: ');
    expect(page.split('\n')).toEqual(upToDate(path).split('\n'));
  });
});

test(`${SCHEMA_FILE} is what the code checks: run \`npm run reference\` where it is not`, () => {
  expect(JSON.parse(readDocument(SCHEMA_FILE))).toEqual(JSON.parse(schemaText()));
});

test('docs/reference/events.md has every queue, with what a message of it carries', () => {
  const rows = [...readDocument('docs/reference/events.md').matchAll(/^\| `(\w+)` \| (an array .*?) \|/gm)];
  expect(rows.map(([, name]) => name!)).toEqual([...QUEUE_NAMES]);
  const [purchases, payments] = rows.map(([, , what]) => what!);
  expect(payments).toEndWith(`up to ${ORDERS_PER_MESSAGE}`);
  const [, fields] = /`\[(.*)\]`/.exec(purchases!)!;
  const { body } = encodePurchases([
    {
      id: 'id',
      productId: 1,
      quantity: 2,
      customer: 'customer',
      channel: 'async',
      acceptedAt: 3,
      key: { scope: 'scope', value: 'key', fingerprint: 'fingerprint' },
      refusal: 'sold_out',
      expectedPriceMinor: 4,
    },
  ]);
  expect(JSON.parse(body)[0]).toHaveLength(fields!.split(', ').length);
});
