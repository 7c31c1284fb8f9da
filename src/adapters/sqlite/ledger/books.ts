import type { Clock } from '../../../domain/clock.ts';
import { TEST_CURRENCY } from '../../../domain/product.ts';
import {
  type Books,
  type BooksReader,
  BREACH_NAMES,
  type Breach,
  type BreachName,
  type GenerationBooks,
  type MoneyBooks,
  type ProductBooks,
} from '../../../ports/books.ts';
import type { Store } from '../store.ts';
import { PAYMENT_COLUMNS, type PaymentRow, paymentIn } from './rows.ts';

/** A hold may be this long past its end before it counts as stranded: the sweep runs every second or so. */
const OVERDUE_GRACE_MS = 10_000;
const EXAMPLES_MAX = 5;

/** Orders of limited sales that hold units, summed up by customer before they are compared. */
const WITH_LIVE = `WITH live AS MATERIALIZED (
    SELECT product_id, generation, customer, sum(quantity) AS quantity FROM orders
    WHERE status IN ('reserved', 'charging', 'paid', 'refunding') AND customer IS NOT NULL
      AND product_id IN (SELECT id FROM products WHERE per_customer_limit IS NOT NULL
        UNION SELECT product_id FROM holdings)
    GROUP BY product_id, generation, customer) `;

/** Each finds rows that must not exist and answers their ids; `?1` is the time of the audit. */
const BREACHES: Readonly<Record<BreachName, string>> = {
  holdsOverLimit: `
    SELECT product_id || '/' || customer AS id FROM holdings JOIN products p ON p.id = product_id
    WHERE p.generation = holdings.generation AND units > per_customer_limit`,
  holdingsUnlikeOrders: `${WITH_LIVE}
    SELECT h.product_id || '/' || h.customer AS id FROM holdings h
    WHERE units <> (SELECT coalesce(sum(o.quantity), 0) FROM live o
      WHERE o.product_id = h.product_id AND o.generation = h.generation AND o.customer = h.customer)
    UNION ALL
    SELECT o.product_id || '/' || o.customer FROM live o JOIN products p ON p.id = o.product_id
    WHERE per_customer_limit IS NOT NULL AND NOT EXISTS (SELECT 1 FROM holdings h
      WHERE h.product_id = o.product_id AND h.generation = o.generation AND h.customer = o.customer)`,
  overdueHolds: `
    SELECT id FROM orders WHERE open = 1 AND status = 'reserved'
      AND expires_at < ?1 - ${OVERDUE_GRACE_MS}`,
  ordersDecidedTwice: `SELECT id FROM orders WHERE id IN (SELECT purchase_id FROM outcomes)`,
  keysWithoutPurchase: `
    SELECT scope || '/' || value AS id FROM keys
    WHERE scope LIKE 'sync:%' AND purchase_id NOT IN (SELECT id FROM orders)`,
  paidWithoutCapture: `
    SELECT id FROM orders WHERE status = 'paid'
      AND id NOT IN (SELECT order_id FROM payments WHERE status = 'captured')`,
  capturedWithoutPaid: `
    SELECT order_id AS id FROM payments WHERE status = 'captured'
      AND order_id NOT IN (SELECT id FROM orders WHERE status = 'paid')`,
  capturedTwice: `
    SELECT order_id AS id FROM payments WHERE status = 'captured' GROUP BY order_id HAVING count(*) > 1`,
  refundingWithoutRefund: `
    SELECT id FROM orders WHERE status IN ('refunding', 'returning')
      AND id NOT IN (SELECT order_id FROM payments WHERE refund_due_at IS NOT NULL)`,
  refundedWithoutRefund: `
    SELECT id FROM orders WHERE status = 'refunded'
      AND id NOT IN (SELECT order_id FROM payments WHERE status = 'refunded')`,
  wrongAmount: `
    SELECT o.id FROM payments JOIN orders o ON o.id = order_id WHERE amount_minor <> quantity * price_minor`,
  repeatedNumbers: `
    SELECT product_id || '/' || number AS id FROM orders GROUP BY product_id, number HAVING count(*) > 1`,
  ordersOfNoProduct: `SELECT id FROM orders WHERE product_id NOT IN (SELECT id FROM products)`,
};

/** SQLite's own sums end at 64 bits; those of the two parts of an amount would need a billion times as many orders. */
const PART = 1_000_000_000n;
const partOf = (part: string, which: string) =>
  `CAST(coalesce(sum(${part}) FILTER (WHERE ${which}), 0) AS INTEGER)`;
const sumOf = (which: string) =>
  `${partOf(`amount / ${PART}`, which)} || ' ' || ${partOf(`amount % ${PART}`, which)}`;

const MONEY = `
  SELECT currency, ${sumOf("status <> 'paid'")} AS captured, ${sumOf("status = 'refunded'")} AS refunded,
    ${sumOf("status = 'refunding'")} AS onItsWayBack, ${sumOf("status = 'paid'")} AS paid
  FROM (SELECT currency, status, amount_minor AS amount FROM payments
    WHERE status IN ('captured', 'refunding', 'refunded')
    UNION ALL SELECT currency, status, quantity * price_minor FROM orders WHERE status = 'paid')
  GROUP BY currency ORDER BY currency`;

type MoneyRow = Readonly<Record<keyof MoneyBooks, string>>;

function moneyOf({ currency, captured, refunded, onItsWayBack, paid }: MoneyRow): MoneyBooks {
  return {
    currency,
    captured: joined(captured),
    refunded: joined(refunded),
    onItsWayBack: joined(onItsWayBack),
    paid: joined(paid),
  };
}

function joined(parts: string): bigint {
  const [high = '', low = ''] = parts.split(' ');
  return BigInt(high) * PART + BigInt(low);
}

export function openSqliteBooks({ db }: Store, now: Clock): BooksReader {
  const breachQueries = BREACH_NAMES.map((name) => [name, BREACHES[name]] as const);

  function breach(query: string): Breach {
    const parameters = query.includes('?1') ? [now()] : [];
    const rows = db.query<{ id: string }, number[]>(query).all(...parameters);
    return { count: rows.length, examples: rows.slice(0, EXAMPLES_MAX).map(({ id }) => String(id)) };
  }

  function readAll(): Books {
    const products = db
      .query<ProductBooks, []>(
        `SELECT p.id, p.total, p.reserved, p.sold, p.generation,
           coalesce(sum(o.quantity) FILTER (WHERE o.status IN ('reserved', 'charging')), 0) AS ordersReserved,
           coalesce(sum(o.quantity) FILTER (WHERE o.status IN ('paid', 'refunding')), 0) AS ordersSold
         FROM products p LEFT JOIN orders o ON o.product_id = p.id GROUP BY p.id ORDER BY p.id`,
      )
      .all();
    const generations = db
      .query<GenerationBooks, []>(
        `SELECT g.product_id AS productId, g.generation, g.units, coalesce(sum(o.quantity), 0) AS live
         FROM generations g LEFT JOIN orders o ON o.product_id = g.product_id AND o.generation = g.generation
           AND o.status IN ('reserved', 'charging', 'paid', 'refunding')
         GROUP BY g.product_id, g.generation ORDER BY g.product_id, g.generation`,
      )
      .all();
    const money = db.query<MoneyRow, []>(MONEY).all().map(moneyOf);
    const totals = db
      .query<Books['totals'], []>(
        `SELECT (SELECT count(*) FROM orders) AS orders,
           (SELECT count(*) FROM orders WHERE channel = 'async') AS asyncOrders,
           (SELECT count(*) FROM outcomes WHERE sync = 0) AS asyncRefused,
           (SELECT value FROM counters WHERE name = 'async_decided') AS asyncDecided,
           (SELECT value FROM counters WHERE name = 'async_pruned') AS asyncPruned,
           (SELECT coalesce(sum(items), 0) FROM messages WHERE queue = 'purchases') AS purchasesWaiting`,
      )
      .get()!;
    const breaches = Object.fromEntries(
      breachQueries.map(([name, query]) => [name, breach(query)]),
    ) as Record<BreachName, Breach>;
    return { products, generations, money, totals, breaches };
  }

  return {
    async read() {
      // A read transaction: every question sees the same commit, whatever a running server writes meanwhile.
      return db.transaction(readAll).deferred();
    },
    async payments(fromMs, toMs) {
      return db
        .query<PaymentRow & { orderId: string }, [number, number]>(
          `SELECT order_id AS orderId, ${PAYMENT_COLUMNS} FROM payments
           WHERE created_at >= ? AND created_at < ? AND currency <> '${TEST_CURRENCY}'`,
        )
        .all(fromMs, toMs)
        .map((row) => ({ ...paymentIn(row), orderId: row.orderId }));
    },
    async customersOf(productId) {
      return db
        .query<{ customer: string }, [number]>(
          'SELECT customer FROM orders WHERE product_id = ? AND customer IS NOT NULL',
        )
        .all(productId)
        .map(({ customer }) => customer);
    },
  };
}
