import { lowestIdAt } from '../../domain/ids.ts';
import type { Order, ShownStatus } from '../../domain/order.ts';
import { TEST_CURRENCY } from '../../domain/product.ts';
import type { OrderFilter, Queries } from '../../ports/queries.ts';
import type { Database } from './database.ts';

/** Orders that one search looks at, at most: some milliseconds. */
const LOOKED_AT_MAX = 5_000;
/**
 * Open orders are not in the customers' index, so all of them are looked through: up to so many (migrations/0002-search.sql). While there
 * are more, a search walks from the newest order of all.
 */
const OPEN_BESIDE_MAX = 50_000;
/** Of one customer: more than most have, and each is fetched from a place of its own. */
const LOOKED_AT_OF_CUSTOMER_MAX = 500;
/** By the order of their index, so that it is used. */
const openOnes = (columns: string, limit: number) =>
  `SELECT ${columns} FROM orders WHERE open ORDER BY expires_at LIMIT ${limit}`;
const OF_CUSTOMER = 'SELECT pulsecart_orders_of($1, $2, $3, $4, $5, $6)::text AS ids';
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
const countOpen = (most: number) => `SELECT count(*) AS count FROM (${openOnes('', most)}) AS open_ones`;

type Value = string | number;
/** With `?` where its value belongs. */
type Condition = readonly [text: string, value?: Value];

/** How a search gets to orders, and what it tests of each. */
interface Way {
  /** Leads to the orders by an index, newest first. */
  readonly index: readonly Condition[];
  readonly order: string;
  readonly tests: readonly Condition[];
  readonly lookedAtMax?: number;
}

/** Searches orders, newest first. */
export function createSearch({ read }: Pick<Database, 'read'>): Pick<Queries, 'searchOrders'> {
  async function isOpenAtMost(most: number): Promise<boolean> {
    return (await read<{ count: number }>(countOpen(most + 1)))[0]!.count <= most;
  }

  async function idsOf(
    customer: string,
    { productId = null, fromMs = null, toMs = null, before = null }: OrderFilter,
  ): Promise<string> {
    const ends = [toMs === null ? LAST_ID : lowestIdAt(toMs), before ?? LAST_ID].toSorted();
    const values = [
      customer,
      productId,
      TEST_CURRENCY,
      lowestIdAt(fromMs ?? 0),
      ends[0],
      LOOKED_AT_OF_CUSTOMER_MAX,
    ];
    return (await read<{ ids: string }>(OF_CUSTOMER, values))[0]!.ids;
  }

  async function wayTo(filter: OrderFilter): Promise<Way> {
    const { customer = null, productId = null, status = null } = filter;
    const byProduct: Condition[] = productId === null ? [] : [['product_id = ?', productId]];
    const byStatus: Condition[] =
      status === null ? [] : [['status = ANY (?::order_status[])', shownAs(status)]];
    const visible: Condition[] = productId === null ? [[`currency <> '${TEST_CURRENCY}'`]] : [];
    const byCustomer: Condition[] = customer === null ? [] : [['customer = ?', customer]];
    if (customer !== null && (await isOpenAtMost(OPEN_BESIDE_MAX))) {
      const index: Condition[] = [['id = ANY (?::uuid[])', await idsOf(customer, filter)]];
      return { index, order: BY_INDEX, tests: byStatus, lookedAtMax: LOOKED_AT_OF_CUSTOMER_MAX };
    }
    // Few are open: searching them all is then shorter than walking to them.
    if (status !== null && isOpen(status) && (await isOpenAtMost(LOOKED_AT_MAX))) {
      // Some may have been added since they were counted.
      const index: Condition[] = [[`id = ANY (ARRAY(${openOnes('id', 2 * LOOKED_AT_MAX)}))`]];
      return { index, order: BY_INDEX, tests: [...byProduct, ...byCustomer, ...byStatus, ...visible] };
    }
    if (status !== null && !isOpen(status) && status !== 'paid') {
      return {
        index: [...byProduct, ['search_status = ?', status]],
        order: BY_INDEX,
        tests: [...byCustomer, ...visible],
      };
    }
    if (productId !== null) return { index: byProduct, order: BY_INDEX, tests: [...byCustomer, ...byStatus] };
    return { index: [], order: BY_PRIMARY_KEY, tests: [...byCustomer, ...byStatus, ...visible] };
  }

  return {
    async searchOrders(filter, limit) {
      const { index, order, tests, lookedAtMax = LOOKED_AT_MAX } = await wayTo(filter);
      const bounds = [...index, ...within(filter)];
      const looked = `FROM orders o ${where(bounds)} ORDER BY ${order}`;
      // One statement and so one moment: rows that come or go in between would shift where the next page begins.
      const [answer] = await read<{ orders: Order[]; last: string | null }>(
        `WITH found AS MATERIALIZED (
           SELECT id, whole FROM (SELECT o.*, o AS whole ${looked} LIMIT ${lookedAtMax}) AS looked_at
           ${where(tests, bounds)} LIMIT ${limit + 1})
         SELECT coalesce(json_agg(pulsecart_order(whole) ORDER BY id DESC), '[]') AS orders,
           CASE WHEN count(*) <= ${limit} THEN (SELECT id ${looked} OFFSET ${lookedAtMax - 1} LIMIT 1) END AS last
         FROM found`,
        valuesOf([...bounds, ...tests]),
      );
      const { orders, last } = answer!;
      if (orders.length <= limit) return { orders, next: last };
      orders.pop();
      return { orders, next: orders.at(-1)!.id };
    },
  };
}

/** The order of our own indexes, and not of the primary key (migration 0002). */
const BY_INDEX = 'id DESC NULLS LAST';
const BY_PRIMARY_KEY = 'id DESC';

function isOpen(status: ShownStatus): boolean {
  return status === 'reserved' || status === 'charging';
}

function shownAs(status: ShownStatus): string {
  return status === 'refunding' ? '{refunding,returning}' : `{${status}}`;
}

function within({ fromMs = null, toMs = null, before = null }: OrderFilter): Condition[] {
  const conditions: Condition[] = [];
  if (fromMs !== null) conditions.push(['id >= ?::uuid', lowestIdAt(fromMs)]);
  if (toMs !== null) conditions.push(['id < ?::uuid', lowestIdAt(toMs)]);
  if (before !== null) conditions.push(['id < ?::uuid', before]);
  return conditions;
}

/** Its values follow those of the conditions before it. */
function where(conditions: readonly Condition[], before: readonly Condition[] = []): string {
  let nth = valuesOf(before).length;
  const texts = conditions.map(([text]) => text.replace('?', () => `$${++nth}`));
  return texts.length === 0 ? '' : `WHERE ${texts.join(' AND ')}`;
}

function valuesOf(conditions: readonly Condition[]): Value[] {
  return conditions.flatMap(([, value]) => (value === undefined ? [] : [value]));
}
