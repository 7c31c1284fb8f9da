import { expect, test } from 'bun:test';
import { temporaryFolder } from '../../../../tests/support/folder.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../../domain/ids.ts';
import type { OrderFilter, OrdersFound } from '../../../ports/queries.ts';
import { openSqliteLedger } from '../ledger.ts';
import { openStore } from '../store.ts';
import { createOrders } from './orders.ts';
import { createSearch } from './search.ts';

const ORDERS = 60;
const PAGE = 7;
const FILTERS: readonly OrderFilter[] = [
  { productId: 1 },
  { customer: 'ada' },
  { customer: 'ada', productId: 2 },
  { customer: 'ada', status: 'reserved' },
  { customer: 'ada', status: 'cancelled', productId: 1 },
  { productId: 1, status: 'reserved' },
  { productId: 2, status: 'cancelled' },
];

test('with more open orders than are looked through a search finds the same, from the newest on', async () => {
  using folder = temporaryFolder();
  const store = openStore(folder.path);
  try {
    const ledger = openSqliteLedger(store, Date.now);
    const ids = createPurchaseIds(await ledger.secret('purchase_ids', PURCHASE_ID_KEY_BYTES), Date.now);
    const terms = { name: 'x', priceMinor: 100, currency: 'EUR', units: 1_000 };
    await ledger.addProducts([1, 2].map((id) => ({ id, ...terms })));
    const purchases = Array.from({ length: ORDERS }, (_, i) => ({
      ...{ id: ids.mint('sync'), productId: (i % 2) + 1, quantity: 1, customer: i % 3 ? 'ada' : `c${i}` },
      ...{ channel: 'sync' as const, key: null, refusal: null, expectedPriceMinor: null },
      ...{ acceptedAt: Date.now(), decideBy: Date.now() + 60_000 },
    }));
    await ledger.decide(purchases);
    for (const { id, customer } of purchases.filter((_, i) => i % 5 === 0))
      await ledger.cancel(id, { customer });
    const orders = createOrders(store.db);
    const gathering = createSearch(store.db, orders);
    const walking = createSearch(store.db, orders, 0);
    for (const filter of FILTERS) {
      const all = everyPage(gathering, filter);
      expect([filter, all.length > 0]).toEqual([filter, true]);
      expect([filter, everyPage(walking, filter)]).toEqual([filter, all]);
    }
    expect(everyPage(gathering, { productId: 1 })).toHaveLength(ORDERS / 2);
  } finally {
    store.close();
  }
});

function everyPage(
  search: (filter: OrderFilter, limit: number) => OrdersFound,
  filter: OrderFilter,
): string[] {
  const ids: string[] = [];
  for (let before: string | null = null; ; ) {
    const page: OrdersFound = search({ ...filter, before }, PAGE);
    ids.push(...page.orders.map(({ id }) => id));
    if (page.next === null) return ids;
    before = page.next;
  }
}
