import { describe, expect, test } from 'bun:test';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../domain/ids.ts';
import { BODY_CHARS_MAX } from '../domain/message-body.ts';
import { QUANTITY_MAX } from '../domain/purchase.ts';
import { encodePurchases, type QueuedPurchase, readPurchases } from './purchase-message.ts';

const NOW = 1_795_000_000_123;
const ids = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), () => NOW);
const strangers = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES).fill(1), () => NOW);
const KEY = { scope: 'async:customer:ann', value: 'k', fingerprint: '1:1' };

function purchase(changes: Partial<QueuedPurchase> = {}): QueuedPurchase {
  return {
    id: ids.mint('async'),
    productId: 1,
    quantity: 1,
    customer: null,
    channel: 'async',
    acceptedAt: NOW,
    key: null,
    refusal: null,
    expectedPriceMinor: null,
    ...changes,
  };
}

function tupleOf(changes: Partial<QueuedPurchase> = {}): unknown[] {
  return JSON.parse(encodePurchases([purchase(changes)]).body)[0];
}

/** A valid tuple with another value in one place. */
function spoiled(place: number, value: unknown): unknown[] {
  return tupleOf().with(place, value);
}

function read(body: string) {
  return readPurchases({ body, items: 7 }, ids);
}

test('what was encoded is read as it was', () => {
  const purchases = [
    purchase(),
    purchase({ quantity: QUANTITY_MAX, customer: 'Ωmega "💡" \\ \u2028', key: KEY }),
    purchase({ productId: Number.MAX_SAFE_INTEGER, acceptedAt: 0, refusal: 'sale_closed' }),
    purchase({ expectedPriceMinor: 0 }),
  ];
  expect(read(encodePurchases(purchases).body)).toEqual({ purchases, unread: [] });
});

test('the trace of a sampled purchase comes with it, and one that cannot be read harms nothing', () => {
  const trace = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), state: 'shop=1' };
  const purchases = [purchase({ trace }), purchase(), purchase({ trace: { ...trace, state: '' } })];
  expect(read(encodePurchases(purchases).body)).toEqual({ purchases, unread: [] });
  for (const rubbish of ['rubbish', 7, null, {}, `00-${trace.traceId}-${trace.spanId}-00`]) {
    const { purchases, unread } = read(JSON.stringify([[...tupleOf(), rubbish, 'x'.repeat(1_000)]]));
    expect([purchases.length, purchases[0]!.trace, unread]).toEqual([1, undefined, []]);
  }
});

test('a tuple of before prices could be expected buys at any', () => {
  const { purchases, unread } = read(JSON.stringify([tupleOf().slice(0, 7)]));
  expect([purchases[0]!.expectedPriceMinor, unread]).toEqual([null, []]);
});

test('what a later version adds to a tuple or to a key is left out', () => {
  const tuple = [...tupleOf({ key: { ...KEY, more: 1 } as typeof KEY }), 'more'];
  const { purchases, unread } = read(JSON.stringify([tuple]));
  expect([purchases[0]!.key, unread]).toEqual([KEY, []]);
});

describe('P3 a body that is no list of purchases is dead-lettered as it is, whatever it is', () => {
  const bodies: [cause: string, body: string][] = [
    ['not JSON', ''],
    ['not JSON', 'jane'],
    ['not JSON', '\0'],
    ['not JSON', '['.repeat(100_000)],
    ['not JSON', '[["cut off'],
    ['not a list', '{}'],
    ['not a list', '{"__proto__":[1],"length":1}'],
    ['not a list', 'null'],
    ['not a list', '"[]"'],
    ['an empty list', '[]'],
    [`longer than ${BODY_CHARS_MAX} characters`, JSON.stringify(['x'.repeat(BODY_CHARS_MAX)])],
  ];
  test.each(bodies)('%s', (cause, body) => {
    expect(read(body)).toEqual({
      purchases: [],
      unread: [{ message: { body, items: 7 }, cause: `unreadable message: ${cause}`, accepted: [] }],
    });
  });
});

describe('P3 a tuple that no ledger could decide is dead-lettered by itself, and its neighbours are read', () => {
  const id = tupleOf()[0] as string;
  const spoils: [what: string, tuple: unknown][] = [
    ['null', null],
    ['a number', 1],
    ['an object', { 0: id, length: 7 }],
    ['nothing', []],
    ['a purchase cut short', tupleOf().slice(0, 6)],
    ['an id that is a number', spoiled(0, 7)],
    ['an id that is no UUID', spoiled(0, 'jane')],
    ['an id in capitals', spoiled(0, id.toUpperCase())],
    ['an id in braces', spoiled(0, `{${id}}`)],
    ['a UUID of somebody else', spoiled(0, strangers.mint('async'))],
    ['the id of a sync purchase', spoiled(0, ids.mint('sync'))],
    ['an id that says "sold out"', spoiled(0, ids.mintSoldOut(1, 1))],
    ['a price that is none', spoiled(7, -1)],
    ['a price as a string', spoiled(7, '250')],
    ['no product', spoiled(1, null)],
    ['a product as a string', spoiled(1, '1')],
    ['product 0', spoiled(1, 0)],
    ['a product beyond exact numbers', spoiled(1, 2 ** 53)],
    ['a fraction of a product', spoiled(1, 1.5)],
    ['a quantity as a string', spoiled(2, '1')],
    ['quantity 0', spoiled(2, 0)],
    ['too much', spoiled(2, QUANTITY_MAX + 1)],
    ['a quantity in a list', spoiled(2, [1])],
    ['a customer who is a number', spoiled(3, 12)],
    ['a customer with a NUL', spoiled(3, 'ja\0ne')],
    ['a customer with half a surrogate pair', spoiled(3, 'jane\ud83d')],
    ['an endless customer', spoiled(3, 'j'.repeat(10_000))],
    ['a time as text', spoiled(4, '2026-11-22T16:27:38.590Z')],
    ['a time before all times', spoiled(4, -1)],
    ['a time after all times', spoiled(4, 9e15)],
    ['a key as text', spoiled(5, 'k')],
    ['a key as a list', spoiled(5, ['s', 'v', 'f'])],
    ['a key without value', spoiled(5, { scope: 's', fingerprint: 'f' })],
    ['a key with a NUL', spoiled(5, { ...KEY, value: 'k\0' })],
    ['an endless key', spoiled(5, { ...KEY, value: 'k'.repeat(10_000) })],
    ['a refusal that is none', spoiled(6, 'because')],
    ['a refusal from the prototype', spoiled(6, 'toString')],
    ['a refusal named __proto__', spoiled(6, '__proto__')],
    ['a refusal that is true', spoiled(6, true)],
  ];
  test.each(spoils)('%s', (_, tuple) => {
    const [before, after] = [purchase(), purchase()];
    const [first, last] = JSON.parse(encodePurchases([before, after]).body);
    const { purchases, unread } = read(JSON.stringify([first, tuple, last]));
    expect(purchases).toEqual([before, after]);
    expect(unread).toMatchObject([{ message: { body: JSON.stringify([tuple]), items: 1 } }]);
    expect(unread[0]!.cause).toStartWith('unreadable message: ');
    expect(unread[0]!.cause).not.toContain('jane');
    const again = readPurchases(unread[0]!.message, ids);
    expect([again.purchases, again.unread]).toEqual([[], [...unread]]);
  });

  test('a key whose parts are hidden in its prototype', () => {
    const body = JSON.stringify([spoiled(5, 'KEY')]).replace('"KEY"', `{"__proto__":${JSON.stringify(KEY)}}`);
    expect(read(body)).toMatchObject({ purchases: [], unread: [{ message: { items: 1 } }] });
  });
});

test('P3 thousands of faulty tuples of a message make one dead letter for each cause', () => {
  const rubbish = Array.from({ length: 9_000 }, (_, i) => [null, [], spoiled(2, 0)][i % 3]);
  const { purchases, unread } = read(JSON.stringify(rubbish));
  expect([purchases.length, unread.length]).toEqual([0, 3]);
  expect(unread.map(({ message }) => message.items)).toEqual([3_000, 3_000, 3_000]);
});

test('P3 a faulty purchase that was accepted once can still be ended', () => {
  const faulty = [spoiled(1, 'one'), spoiled(2, -5), spoiled(3, 'ja\0ne')];
  const { unread } = read(JSON.stringify([...faulty, spoiled(0, 'jane')]));
  expect(unread.flatMap(({ accepted }) => accepted)).toMatchObject([
    { id: faulty[0]![0], productId: Number.MAX_SAFE_INTEGER, quantity: 1, customer: null, key: null },
    { id: faulty[1]![0], productId: 1, quantity: 1 },
    { id: faulty[2]![0], productId: 1, quantity: 1, customer: null },
  ]);
});
