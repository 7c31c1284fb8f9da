import type { Order } from '../../domain/order.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import type { OrderFilter, OrdersFound, Queries } from '../../ports/queries.ts';

/**
 * How long a page is looked for. One call of the ledger is over in a few milliseconds and may come back with little; so a page is
 * filled by several, with other requests served in between, and whoever asked goes on from what was found by then.
 */
const PAGE_MS = 20;
/** Orders that an export reads at once: on the embedded backends it is the thread of the purchases that reads. */
const EXPORT_PAGE = 250;

type Searching = Pick<Queries, 'searchOrders'>;

/** At most `limit` orders; fewer, none perhaps, where more may be found behind `next`. */
export async function searchPage(
  ledger: Searching,
  filter: OrderFilter,
  limit: number,
): Promise<OrdersFound> {
  const endsAtMs = performance.now() + PAGE_MS;
  const orders: Order[] = [];
  for (let before = filter.before ?? null; ; ) {
    const found = await ledger.searchOrders({ ...filter, before }, limit - orders.length);
    orders.push(...found.orders);
    before = found.next;
    if (before === null || orders.length === limit || performance.now() > endsAtMs)
      return { orders, next: before };
    await nextTurn();
  }
}

/** All orders that meet the filter, part by part, each read when it is asked for; a part may be empty. */
export async function* allOrders(
  ledger: Searching,
  filter: OrderFilter,
): AsyncGenerator<readonly Order[], void> {
  for (let before: string | null = null; ; ) {
    const { orders, next }: OrdersFound = await ledger.searchOrders({ ...filter, before }, EXPORT_PAGE);
    yield orders;
    if (next === null) return;
    before = next;
    await nextTurn();
  }
}
