import { TEST_CURRENCY } from '../../domain/product.ts';
import type { OpenedBooks } from '../../ports/backends.ts';
import {
  type BookedPayment,
  type Books,
  BREACH_NAMES,
  type Breach,
  type BreachName,
  type GenerationBooks,
  type MoneyBooks,
  type ProductBooks,
} from '../../ports/books.ts';
import { connect, placeOf } from './connection.ts';
import { openingError } from './failure.ts';
import { createFind } from './find.ts';
import { requireSchema } from './migrate.ts';
import { createProductQueries } from './products.ts';

/** A hold may be this long past its end before it counts as stranded: the sweep runs every second or so. */
const OVERDUE_GRACE_MS = 10_000;
const EXAMPLES_MAX = 5;
/** An audit of many millions of orders takes minutes. */
const STATEMENT_MS = 30 * 60_000;

const HELD = "('reserved', 'charging', 'paid', 'refunding')";

/** Orders of limited sales that hold units, summed up by customer before they are compared. */
const LIVE = `
  SELECT product_id, generation, customer, sum(quantity) AS units FROM orders
  WHERE status IN ${HELD} AND customer IS NOT NULL
    AND product_id IN (SELECT id FROM products WHERE per_customer_limit IS NOT NULL UNION SELECT product_id FROM holdings)
  GROUP BY product_id, generation, customer`;

/** Each finds rows that must not exist and answers their ids. */
const BREACHES: Readonly<Record<BreachName, string>> = {
  holdsOverLimit: `
    SELECT product_id || '/' || customer AS id FROM holdings h JOIN products p ON p.id = product_id
    WHERE p.generation = h.generation AND units > per_customer_limit`,
  holdingsUnlikeOrders: `
    SELECT product_id || '/' || customer AS id
    FROM (${LIVE}) o FULL JOIN holdings h USING (product_id, generation, customer)
      LEFT JOIN products p ON p.id = product_id
    WHERE h.units IS NULL AND p.per_customer_limit IS NOT NULL OR h.units <> coalesce(o.units, 0)`,
  overdueHolds: `
    SELECT id FROM orders WHERE open AND status = 'reserved' AND expires_at < pulsecart_now() - ${OVERDUE_GRACE_MS}`,
  ordersDecidedTwice: 'SELECT id FROM orders JOIN outcomes ON purchase_id = id',
  keysWithoutPurchase: `
    SELECT scope || '/' || value AS id FROM keys
    WHERE scope LIKE 'sync:%' AND NOT EXISTS (SELECT FROM orders o WHERE o.id = purchase_id)`,
  paidWithoutCapture: `
    SELECT id FROM orders WHERE status = 'paid'
      AND NOT EXISTS (SELECT FROM payments p WHERE p.order_id = id AND p.status = 'captured')`,
  capturedWithoutPaid: `
    SELECT order_id AS id FROM payments WHERE status = 'captured' AND NOT EXISTS
      (SELECT FROM orders o WHERE o.id = order_id AND o.status = 'paid')`,
  capturedTwice: `
    SELECT order_id AS id FROM payments WHERE status = 'captured' GROUP BY order_id HAVING count(*) > 1`,
  refundingWithoutRefund: `
    SELECT id FROM orders WHERE status IN ('refunding', 'returning')
      AND NOT EXISTS (SELECT FROM payments p WHERE p.order_id = id AND p.refund_due_at IS NOT NULL)`,
  refundedWithoutRefund: `
    SELECT id FROM orders WHERE status = 'refunded'
      AND NOT EXISTS (SELECT FROM payments p WHERE p.order_id = id AND p.status = 'refunded')`,
  wrongAmount: `
    SELECT o.id FROM payments JOIN orders o ON o.id = order_id WHERE amount_minor <> quantity * price_minor`,
  repeatedNumbers: `
    SELECT product_id || '/' || number AS id FROM orders GROUP BY product_id, number HAVING count(*) > 1`,
  ordersOfNoProduct: 'SELECT id FROM orders WHERE product_id NOT IN (SELECT id FROM products)',
};

const PRODUCTS = `
  SELECT p.id, p.total, p.reserved, p.sold, p.generation,
    coalesce(o.reserved, 0)::bigint AS "ordersReserved", coalesce(o.sold, 0)::bigint AS "ordersSold"
  FROM products p LEFT JOIN (SELECT product_id,
      sum(quantity) FILTER (WHERE status IN ('reserved', 'charging')) AS reserved,
      sum(quantity) FILTER (WHERE status IN ('paid', 'refunding')) AS sold
    FROM orders GROUP BY product_id) o ON o.product_id = p.id ORDER BY p.id`;

const GENERATIONS = `
  SELECT g.product_id AS "productId", g.generation, g.units, coalesce(o.live, 0)::bigint AS live
  FROM generations g LEFT JOIN (SELECT product_id, generation, sum(quantity) AS live FROM orders WHERE status IN ${HELD}
    GROUP BY product_id, generation) o USING (product_id, generation) ORDER BY g.product_id, g.generation`;

/** As text: a sum of bigints is a numeric, which has no bounds. */
const MONEY = `
  SELECT currency, coalesce(sum(amount) FILTER (WHERE status <> 'paid'), 0)::text AS captured,
    coalesce(sum(amount) FILTER (WHERE status = 'refunded'), 0)::text AS refunded,
    coalesce(sum(amount) FILTER (WHERE status = 'refunding'), 0)::text AS "onItsWayBack",
    coalesce(sum(amount) FILTER (WHERE status = 'paid'), 0)::text AS paid
  FROM (SELECT currency, status, amount_minor AS amount FROM payments WHERE status IN ('captured', 'refunding', 'refunded')
    UNION ALL SELECT currency, status::text, quantity * price_minor FROM orders WHERE status = 'paid') AS m
  GROUP BY currency ORDER BY currency COLLATE "C"`;

const PAYMENTS = `
  SELECT p.order_id AS "orderId", p.attempt, p.amount_minor AS "amountMinor", p.currency, p.status,
    p.provider_id AS "providerId", d.state AS dispute, f.state IS NOT NULL AS "refundFailed", p.created_at AS "createdAt"
  FROM payments p
    LEFT JOIN payment_troubles d ON d.order_id = p.order_id AND d.attempt = p.attempt AND d.kind = 'dispute'
    LEFT JOIN payment_troubles f ON f.order_id = p.order_id AND f.attempt = p.attempt AND f.kind = 'refund'
  WHERE p.created_at >= $1 AND p.created_at < $2 AND p.currency <> '${TEST_CURRENCY}'`;

type MoneyRow = Readonly<Record<keyof MoneyBooks, string>>;

function moneyOf({ currency, captured, refunded, onItsWayBack, paid }: MoneyRow): MoneyBooks {
  return {
    currency,
    captured: BigInt(captured),
    refunded: BigInt(refunded),
    onItsWayBack: BigInt(onItsWayBack),
    paid: BigInt(paid),
  };
}

const TOTALS = `
  SELECT (SELECT count(*) FROM orders) AS orders, (SELECT count(*) FROM orders WHERE channel = 'async') AS "asyncOrders",
    (SELECT count(*) FROM outcomes WHERE NOT sync) AS "asyncRefused",
    (SELECT sum(value)::bigint FROM counters WHERE name = 'async_decided') AS "asyncDecided",
    (SELECT sum(value)::bigint FROM counters WHERE name = 'async_pruned') AS "asyncPruned",
    NULL AS "purchasesWaiting"`;

/**
 * Opens the books for reading, beside servers that may be running. Everything that is read of them is of one commit. Rejects
 * like `openPostgresLedger`, and with `unusable_store` when there are no books.
 */
export async function openPostgresBooks(url: string): Promise<OpenedBooks> {
  const place = placeOf(url);
  const client = await connect(place, STATEMENT_MS);

  async function read<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return (await client.query(text, values as unknown[])).rows;
    } catch (error) {
      throw openingError(error, place.name);
    }
  }

  async function breach(query: string): Promise<Breach> {
    const [row] = await read<Breach>(`
      WITH found AS MATERIALIZED (${query})
      SELECT (SELECT count(*) FROM found) AS count, ARRAY(SELECT id::text FROM found LIMIT ${EXAMPLES_MAX}) AS examples`);
    return row!;
  }

  try {
    await read('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    // A million orders are then hashed and sorted in memory.
    await read("SET LOCAL work_mem = '64MB'");
    await requireSchema(client, place.name);
  } catch (error) {
    await client.end();
    throw openingError(error, place.name);
  }
  const { product } = createProductQueries({ read });
  const { find } = createFind({ read });
  return {
    product,
    find,
    payments: (fromMs, toMs) => read<BookedPayment>(PAYMENTS, [fromMs, toMs]),
    async customersOf(productId) {
      const text = 'SELECT customer FROM orders WHERE product_id = $1 AND customer IS NOT NULL';
      return (await read<{ customer: string }>(text, [productId])).map(({ customer }) => customer);
    },
    async read(): Promise<Books> {
      const products = await read<ProductBooks>(PRODUCTS);
      const generations = await read<GenerationBooks>(GENERATIONS);
      const money = (await read<MoneyRow>(MONEY)).map(moneyOf);
      const [totals] = await read<Books['totals']>(TOTALS);
      const breaches: [BreachName, Breach][] = [];
      for (const name of BREACH_NAMES) breaches.push([name, await breach(BREACHES[name])]);
      return {
        products,
        generations,
        money,
        totals: totals!,
        breaches: Object.fromEntries(breaches) as Record<BreachName, Breach>,
      };
    },
    close: () => client.end(),
  };
}
