import { expect, test } from 'bun:test';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../domain/ids.ts';
import { chargeMessage, readOrderIds } from './message.ts';

const ids = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), Date.now);

test('what was sent to be charged is read as it was', () => {
  const orderIds = [ids.mint(), ids.mint('async')];
  expect(readOrderIds(chargeMessage(orderIds))).toEqual({
    orderIds,
    traces: new Map(),
    unread: null,
  });
});

test('the traces of sampled orders come with them, and one that cannot be read harms no order', () => {
  const orderIds = [ids.mint(), ids.mint(), ids.mint()];
  const context = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), state: 'shop=1' };
  const message = chargeMessage(orderIds, new Map([[orderIds[1]!, context]]));
  expect(message.items).toBe(3);
  expect(readOrderIds(message)).toEqual({
    orderIds,
    traces: new Map([[orderIds[1]!, context]]),
    unread: null,
  });
  const traces = { [orderIds[0]!]: ['rubbish'], [orderIds[1]!]: 7, __proto__: null };
  const body = JSON.stringify([...orderIds, { traces }]);
  expect(readOrderIds({ body, items: 3 })).toEqual({ orderIds, traces: new Map(), unread: null });
});

test('P3 a body that is no list of orders is dead-lettered as it is', () => {
  for (const body of ['', 'jane', '\0', '[]', '{"orders":[]}', 'null', '['.repeat(100_000), '"jane"']) {
    const { orderIds, unread } = readOrderIds({ body, items: 3 });
    expect([orderIds, unread?.message]).toEqual([[], { body, items: 3 }]);
    expect(unread!.cause).toStartWith('unreadable message: ');
    expect(unread!.cause).not.toContain('jane');
  }
});

test('P3 what is no order id is dead-lettered by itself, and its neighbours are charged', () => {
  const orderIds = [ids.mint(), ids.mint()];
  const rubbish = [1, null, 'jane', orderIds, { id: orderIds[0] }, '__proto__', `${orderIds[0]}\n`];
  const body = JSON.stringify([orderIds[0], ...rubbish, orderIds[1]]);
  expect(readOrderIds({ body, items: 1 })).toEqual({
    orderIds,
    traces: new Map(),
    unread: {
      message: { body: JSON.stringify(rubbish), items: 7 },
      cause: 'unreadable message: no order id',
    },
  });
});
