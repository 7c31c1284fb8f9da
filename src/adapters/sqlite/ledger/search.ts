import type { Database, SQLQueryBindings } from 'bun:sqlite';
import { lowestIdAt } from '../../../domain/ids.ts';
import { TEST_CURRENCY } from '../../../domain/product.ts';
import type { OrderFilter, OrdersFound } from '../../../ports/queries.ts';
import type { createOrders } from './orders.ts';
import { rowKeyOf } from './row-key.ts';
import { ORDER_COLUMNS, type OrderRow } from './rows.ts';

/** Orders that one search looks at, at most: the serving thread reads, and answers nothing meanwhile. About a millisecond. */
const LOOKED_AT_MAX = 2_000;
/** Of one customer: more than most have, and each lies in a place of its own. */
const LOOKED_AT_OF_CUSTOMER_MAX = 500;
/**
 * Open orders are in no index by product or customer, so all of them are looked through: up to so many, some ten milliseconds. While
 * there are more, a search walks from the newest order of all.
 */
const OPEN_BESIDE_MAX = 20_000;
/** Up to so many open orders are searched all at once, where walking to them could take many calls. */
const OPEN_MAX = 5_000;

type Condition = readonly [text: string, ...values: SQLQueryBindings[]];

/** How a search gets to orders, and what it tests of each. */
interface Way {
  /** The table, and the index to walk. */
  readonly from: string;
  /** Leads to the orders by that index, newest first. */
  readonly index: readonly Condition[];
  readonly tests: readonly Condition[];
  readonly lookedAtMax?: number;
}

/** Searches orders, newest first. */
export function createSearch(
  db: Database,
  orders: Pick<ReturnType<typeof createOrders>, 'find'>,
  openBesideMax = OPEN_BESIDE_MAX,
): (filter: OrderFilter, limit: number) => OrdersFound {
  const countOpen = db.prepare<{ count: number }, [number]>(
    'SELECT count(*) AS count FROM (SELECT 1 FROM orders INDEXED BY orders_open WHERE open = 1 LIMIT ?)',
  );
  const isOpenAtMost = (most: number) => countOpen.get(most + 1)!.count <= most;

  /** The newest orders of a product: those of the index, and the open ones. Takes the product and the bounds twice. */
  const ofProduct = (bounds: readonly Condition[], limit: number) => `
    SELECT slot FROM (
      SELECT slot FROM (
        SELECT slot FROM orders INDEXED BY orders_by_product ${where([['open = 0 AND product_id = ?'], ...bounds])}
        ORDER BY slot DESC LIMIT ${limit})
      UNION ALL
      SELECT slot FROM orders INDEXED BY orders_open ${where([['open = 1 AND product_id = ?'], ...bounds])})
    ORDER BY slot DESC LIMIT ${limit}`;

  /**
   * The same of a customer, for a product or for all that are not hidden: each part of the index that is sorted by customer (migration
   * 0002), and the open ones. Takes the product, the customer and the bounds twice.
   */
  const ofCustomer = (isOfProduct: boolean, bounds: readonly Condition[]) => `
    WITH RECURSIVE parts(product, part) AS (
      SELECT id, last_number >> 12 FROM products WHERE ${isOfProduct ? 'id = ?' : `currency <> '${TEST_CURRENCY}'`}
      UNION ALL SELECT product, part - 1 FROM parts WHERE part > 0)
    SELECT slot FROM (
      SELECT slot FROM parts CROSS JOIN orders INDEXED BY orders_by_customer
      ${where([['product_id = product AND number >> 12 = part AND open = 0 AND customer = ?'], ...bounds])}
      UNION ALL
      SELECT slot FROM orders INDEXED BY orders_open
      ${where([['open = 1'], [isOfProduct ? 'product_id = ?' : `currency <> '${TEST_CURRENCY}'`], ['customer = ?'], ...bounds])})
    ORDER BY slot DESC LIMIT ${LOOKED_AT_OF_CUSTOMER_MAX}`;

  /** Orders that were found already, by their slots. */
  function gathered(sql: string, values: SQLQueryBindings[], tests: readonly Condition[], most: number): Way {
    const slots = db.query<{ slot: number }, SQLQueryBindings[]>(sql).all(...values, ...values);
    const found = JSON.stringify(slots.map(({ slot }) => slot));
    const index: Condition[] = [['slot IN (SELECT value FROM json_each(?))', found]];
    return { from: 'orders NOT INDEXED', index, tests, lookedAtMax: most };
  }

  /** The orders that an index leads to, newest first; what else is asked of them is tested one by one. */
  function wayTo(filter: OrderFilter, limit: number): Way {
    const { customer = null, productId = null, status = null } = filter;
    const byProduct: Condition[] = productId === null ? [] : [['product_id = ?', productId]];
    const byStatus: Condition[] = status === null ? [] : [[`${SHOWN_STATUS} = ?`, status]];
    const visible: Condition[] = productId === null ? [[`currency <> '${TEST_CURRENCY}'`]] : [];
    const byCustomer: Condition[] = customer === null ? [] : [['customer = ?', customer]];
    const canGather = (customer !== null || productId !== null) && isOpenAtMost(openBesideMax);
    if (customer !== null && canGather) {
      const bounds = within(filter);
      const values = [...(productId === null ? [] : [productId]), customer, ...valuesOf(bounds)];
      return gathered(ofCustomer(productId !== null, bounds), values, byStatus, LOOKED_AT_OF_CUSTOMER_MAX);
    }
    if (status !== null && status !== 'reserved' && status !== 'charging' && status !== 'paid') {
      const name = productId === null ? 'orders_by_status' : 'orders_by_product_status';
      const index: Condition[] = [...byProduct, ...byStatus, ["open = 0 AND status <> 'paid'"]];
      return { from: `orders INDEXED BY ${name}`, index, tests: [...byCustomer, ...visible] };
    }
    if (status !== null && status !== 'paid' && isOpenAtMost(OPEN_MAX)) {
      return {
        from: 'orders INDEXED BY orders_open',
        index: [['open = 1']],
        tests: [...byProduct, ...byCustomer, ...byStatus, ...visible],
      };
    }
    if (productId !== null && canGather) {
      const most = byStatus.length === 0 ? Math.min(limit + 1, LOOKED_AT_MAX) : LOOKED_AT_MAX;
      const bounds = within(filter);
      return gathered(ofProduct(bounds, most), [productId, ...valuesOf(bounds)], byStatus, most);
    }
    return {
      from: 'orders NOT INDEXED',
      index: [],
      tests: [...byProduct, ...byCustomer, ...byStatus, ...visible],
    };
  }

  function within({ fromMs = null, toMs = null, before = null }: OrderFilter): Condition[] {
    const conditions: Condition[] = [];
    if (fromMs !== null) conditions.push(['slot >= ?', rowKeyOf(lowestIdAt(fromMs))]);
    if (toMs !== null) conditions.push(['slot < ?', rowKeyOf(lowestIdAt(toMs))]);
    if (before !== null) conditions.push(['slot < ?', orders.find(before)?.slot ?? rowKeyOf(before)]);
    return conditions;
  }

  // One moment for all of its statements: rows that come or go in between would shift where the next page begins.
  return db.transaction((filter, limit) => {
    const { from, index, tests, lookedAtMax = LOOKED_AT_MAX } = wayTo(filter, limit);
    const bounds = [...index, ...within(filter)];
    const looked = `FROM ${from} ${where(bounds)} ORDER BY slot DESC`;
    const rows = db
      .query<OrderRow, SQLQueryBindings[]>(
        `SELECT ${ORDER_COLUMNS} FROM (SELECT * ${looked} LIMIT ${lookedAtMax}) ${where(tests)} LIMIT ?`,
      )
      .all(...valuesOf([...bounds, ...tests]), limit + 1);
    if (rows.length > limit) return { orders: rows.slice(0, limit), next: rows[limit - 1]!.id };
    const last = db
      .query<{ id: string }, SQLQueryBindings[]>(`SELECT id ${looked} LIMIT 1 OFFSET ${lookedAtMax - 1}`)
      .get(...valuesOf(bounds));
    return { orders: rows, next: last?.id ?? null };
  });
}

/** As migration 0002 indexes it, word for word. */
const SHOWN_STATUS = "CASE status WHEN 'returning' THEN 'refunding' ELSE status END";

function where(conditions: readonly Condition[]): string {
  return conditions.length === 0 ? '' : `WHERE ${conditions.map(([text]) => text).join(' AND ')}`;
}

function valuesOf(conditions: readonly Condition[]): SQLQueryBindings[] {
  return conditions.flatMap(([, ...values]) => values);
}
