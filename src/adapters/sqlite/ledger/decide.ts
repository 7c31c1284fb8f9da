import type { Database } from 'bun:sqlite';
import type { Order } from '../../../domain/order.ts';
import { available, type Product, saleRefusal } from '../../../domain/product.ts';
import { type Outcome, type Purchase, type RefusalCode, reserved } from '../../../domain/purchase.ts';
import { type Decision, decisionOf } from '../../../ports/decisions.ts';
import { createKeyRefusals } from './key-refusals.ts';
import { createOrders } from './orders.ts';
import { OUTCOME_COLUMNS, type OutcomeRow, PRODUCT_COLUMNS, type ProductRow, productIn } from './rows.ts';

/** A product while a batch is being decided: read once, moved in memory, written once. */
interface ProductState {
  readonly product: Product;
  free: number;
  granted: number;
  lastNumber: number;
}

/**
 * The batch decision. Must run inside one immediate transaction: SQLite has a single writer, so everything read here
 * is current and nothing changes until the commit.
 */
export function createDecide(
  db: Database,
): (purchases: readonly Purchase[], again: boolean, now: number) => Decision {
  const readProduct = db.prepare<ProductRow & { lastNumber: number }, [number]>(
    `SELECT ${PRODUCT_COLUMNS}, last_number AS lastNumber FROM products WHERE id = ?`,
  );
  const moveProduct = db.prepare<null, [number, number, number]>(
    'UPDATE products SET reserved = reserved + ?, last_number = ?, version = version + 1 WHERE id = ?',
  );
  const orders = createOrders(db);
  const insertOutcome = db.prepare('INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?)');
  const anySyncRefusalSince = db.prepare(
    'SELECT 1 FROM outcomes WHERE sync = 1 AND purchase_id >= ? LIMIT 1',
  );
  const anyRefusalSince = db.prepare('SELECT 1 FROM outcomes WHERE purchase_id >= ? LIMIT 1');
  const keyRefusals = createKeyRefusals();
  const readOutcome = db.prepare<OutcomeRow, [string]>(
    `SELECT ${OUTCOME_COLUMNS} FROM outcomes WHERE purchase_id = ?`,
  );
  const readKey = db.prepare<{ purchaseId: string; fingerprint: string }, [string, string]>(
    'SELECT purchase_id AS purchaseId, fingerprint FROM keys WHERE scope = ? AND value = ?',
  );
  const bindKey = db.prepare('INSERT INTO keys VALUES (?, ?, ?, ?, ?)');
  const readHolding = db.prepare<{ units: number }, [number, number, string]>(
    'SELECT units FROM holdings WHERE product_id = ? AND generation = ? AND customer = ?',
  );
  const addHolding = db.prepare(
    `INSERT INTO holdings VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET units = units + excluded.units`,
  );
  const countDecided = db.prepare("UPDATE counters SET value = value + ? WHERE name = 'async_decided'");

  return (purchases, again, now) => {
    const states = new Map<number, ProductState | null>();
    let decidedAsync = 0;
    // Ids begin with their time: where no recorded refusal is as young as the oldest id of the batch, none of them was refused before: one query for all.
    const oldest = oldestId(purchases);
    const maybeRefused = {
      sync: again || anySyncRefusalSince.get(oldest) !== null,
      async: again || anyRefusalSince.get(oldest) !== null,
    };

    const stateOf = (productId: number): ProductState | null => {
      let found = states.get(productId);
      if (found === undefined) {
        const row = readProduct.get(productId);
        found = null;
        if (row) {
          const { lastNumber, ...columns } = row;
          const product = productIn(columns);
          found = { product, free: available(product), granted: 0, lastNumber };
        }
        states.set(productId, found);
      }
      return found;
    };

    const earlier = (id: string): Outcome | null => {
      const order = orders.find(id);
      if (order) return reserved(order, true);
      const outcome = readOutcome.get(id);
      return outcome ? { kind: 'refused', code: outcome.code, available: outcome.available } : null;
    };

    const refuse = (purchase: Purchase, code: RefusalCode, free: number): Outcome => {
      const { id, productId, quantity, channel, key } = purchase;
      if (channel === 'async' || again) {
        insertOutcome.run(id, productId, quantity, code, free, now, channel === 'sync' ? 1 : 0);
      }
      if (channel === 'async') {
        decidedAsync++;
        maybeRefused.async = true;
      } else if (key) keyRefusals.add(key, now);
      return { kind: 'refused', code, available: free };
    };

    const grant = (purchase: Purchase, { product, ...state }: ProductState): Order => ({
      id: purchase.id,
      productId: product.id,
      generation: product.generation,
      number: state.lastNumber + 1,
      customer: purchase.customer,
      quantity: purchase.quantity,
      priceMinor: product.priceMinor,
      currency: product.currency,
      channel: purchase.channel,
      status: 'reserved',
      remaining: state.free - purchase.quantity,
      createdAt: now,
      expiresAt: now + product.holdSeconds * 1000,
      attempts: 0,
      updatedAt: now,
    });

    const decideOne = (purchase: Purchase): Outcome => {
      const { key, customer, quantity, channel } = purchase;
      // As far as can be told without a look-up of its own.
      const isNew = channel === 'async' && !key && !maybeRefused.async;
      if (channel === 'async' && !isNew) {
        // Before its key: what a queued purchase was told once is final, whichever purchase bound the key since.
        const first = earlier(purchase.id);
        if (first) return first;
      }
      const bound = key && readKey.get(key.scope, key.value);
      if (bound) {
        if (bound.fingerprint !== key.fingerprint) return { kind: 'mismatch' };
        const first = earlier(bound.purchaseId);
        if (first) return first;
      }
      if (channel === 'sync' && maybeRefused.sync) {
        const first = earlier(purchase.id);
        if (first) return first;
      }

      const at = stateOf(purchase.productId);
      const refusal = refusalReason(purchase, at, now, readHolding);
      if (refusal || !at) {
        // An earlier order is looked for only before a refusal; otherwise the insert fails on the repeated id and finds it.
        const first = channel === 'sync' || isNew ? orders.find(purchase.id) : null;
        if (first) return reserved(first, true);
        return refuse(purchase, refusal ?? 'unknown_product', at?.free ?? 0);
      }

      // Its statement was held up on its way, and its buyer has been told "not bought" by another one.
      if (
        channel === 'sync' &&
        key &&
        keyRefusals.hasLater(key, purchase.acceptedAt) &&
        !orders.find(purchase.id)
      ) {
        return { kind: 'superseded' };
      }
      const order = grant(purchase, at);
      if (!orders.insert(order)) {
        return reserved(orders.find(purchase.id)!, true);
      }
      at.free -= quantity;
      at.granted += quantity;
      at.lastNumber = order.number;
      if (customer !== null && at.product.perCustomerLimit !== null) {
        addHolding.run(at.product.id, at.product.generation, customer, quantity);
      }
      if (key && !bound) bindKey.run(key.scope, key.value, key.fingerprint, purchase.id, now);
      if (channel === 'async') decidedAsync++;
      return reserved(order, false);
    };

    const outcomes = purchases.map(decideOne);
    if (decidedAsync > 0) countDecided.run(decidedAsync);
    return decisionOf(purchases, outcomes, moveProducts(states, moveProduct.run.bind(moveProduct)));
  };
}

function oldestId(purchases: readonly Purchase[]): string {
  return purchases.reduce((oldest, { id }) => (id < oldest ? id : oldest), purchases[0]?.id ?? '');
}

function refusalReason(
  { quantity, customer, expectedPriceMinor, channel, refusal, decideBy }: Purchase,
  at: ProductState | null,
  now: number,
  holding: { get(productId: number, generation: number, customer: string): { units: number } | null },
): RefusalCode | null {
  if (!at) return 'unknown_product';
  if (refusal) return refusal;
  if (now >= decideBy) return 'too_old';
  const { product, free } = at;
  if (expectedPriceMinor !== null && expectedPriceMinor !== product.priceMinor) return 'price_changed';
  // The window of an async purchase was judged when it was accepted; what happened to the sale since is no reason.
  const closed = channel === 'sync' ? saleRefusal(product, now) : null;
  if (closed) return closed;
  if (product.customerRequired && customer === null) return 'customer_required';
  if (free < quantity) return 'sold_out';
  const limit = product.perCustomerLimit;
  if (limit === null || customer === null) return null;
  const held = holding.get(product.id, product.generation, customer)?.units ?? 0;
  return held + quantity > limit ? 'limit_reached' : null;
}

function moveProducts(
  states: Map<number, ProductState | null>,
  move: (granted: number, lastNumber: number, productId: number) => unknown,
): Product[] {
  const products: Product[] = [];
  for (const at of states.values()) {
    if (!at) continue;
    const { product, granted, lastNumber } = at;
    if (granted === 0) {
      products.push(product);
      continue;
    }
    move(granted, lastNumber, product.id);
    products.push({ ...product, reserved: product.reserved + granted, version: product.version + 1 });
  }
  return products;
}
