import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onDistributedBackends, ownDatabase } from '../../../tests/support/backends.ts';
import { openLedger, sql } from '../../../tests/support/postgres-ledger.ts';
import { seedOf } from '../../../tests/support/seed.ts';
import type { AuditEntry } from '../../domain/audit-entry.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../domain/ids.ts';
import { nextStatus, type OrderEvent, type OrderStatus, unitsHeldAs } from '../../domain/order.ts';
import type { NewProduct } from '../../domain/product.ts';
import type { ProductChanges } from '../../domain/product-changes.ts';
import type { Purchase } from '../../domain/purchase.ts';
import { randomFrom } from '../../lib/random.ts';
import type { Changes } from '../../ports/changes.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { ChargeName, ChargeResult } from '../../ports/payments.ts';
import { openSqliteBooks } from '../sqlite/ledger/books.ts';
import { openSqliteLedger } from '../sqlite/ledger.ts';
import { openStore } from '../sqlite/store.ts';
import { openPostgresBooks } from './books.ts';

/** On a busy machine PostgreSQL alone may take most of this to start. */
const TIMEOUT_MS = 120_000;
const HISTORIES = 12;
const first = HISTORIES * seedOf(import.meta.path);
const STEPS = 60;
const START_MS = Date.now();

onDistributedBackends(() => {
  test(
    'the ledger in PostgreSQL answers word for word like the one in SQLite',
    async () => {
      const pair = await openPair();
      try {
        for (let history = 0; history < HISTORIES; history++) {
          await live(pair, first + history).catch((error) => {
            throw new Error(`history ${history}`, { cause: error });
          });
        }
        expect(await pair.booksOf('postgres')).toEqual(await pair.booksOf('sqlite'));
      } finally {
        await pair.close();
      }
    },
    TIMEOUT_MS,
  );

  test('an order takes the same steps in the database as in the domain', async () => {
    const { url, close } = await ownDatabase();
    const { ledger } = await openLedger(url);
    const rows = await sql<{ status: OrderStatus; event: string; runs: boolean; next: OrderStatus | null }>(
      url,
      `SELECT status, event, runs, pulsecart_next_status(status, event, runs) AS next
       FROM unnest(enum_range(NULL::order_status)) AS status,
         unnest(ARRAY['charge', 'captured', 'declined', 'attempt_failed', 'give_up', 'expire', 'cancel', 'late_capture',
           'refund', 'refunded']) AS event,
         unnest(ARRAY[true, false]) AS runs`,
    );
    const held = await sql<{ status: OrderStatus; as: 'reserved' | 'sold' | null }>(
      url,
      'SELECT status, pulsecart_held_as(status) AS as FROM unnest(enum_range(NULL::order_status)) AS status',
    );
    await ledger.close();
    await close();
    for (const { status, as } of held) expect([status, as]).toEqual([status, unitsHeldAs(status)]);
    expect(rows).toHaveLength(9 * 10 * 2);
    for (const { status, event, runs, next } of rows) {
      expect([status, event, runs, next]).toEqual([
        status,
        event,
        runs,
        nextStatus(status, { type: event, holdRuns: runs, unitsLeft: runs } as OrderEvent),
      ]);
    }
  });
});

interface Pair {
  readonly ledgers: readonly Ledger[];
  now(): number;
  pass(ms: number): Promise<void>;
  booksOf(name: 'postgres' | 'sqlite'): Promise<unknown>;
  newId(): string;
  newProductId(): number;
  close(): Promise<void>;
}

/** Both ledgers with the same clock, which only we move. */
async function openPair(): Promise<Pair> {
  let nowMs = START_MS;
  let lastProductId = 0;
  const folder = mkdtempSync(join(tmpdir(), 'pulsecart-differential-'));
  const store = openStore(folder);
  const sqlite = openSqliteLedger(store, () => nowMs);
  const { url, close } = await ownDatabase();
  await (await openLedger(url)).ledger.close();
  await sql(url, `CREATE TABLE test_clock AS SELECT ${START_MS}::bigint AS ms`);
  await sql(
    url,
    `CREATE OR REPLACE FUNCTION pulsecart_now() RETURNS bigint LANGUAGE plpgsql VOLATILE AS
     'BEGIN RETURN (SELECT ms FROM test_clock); END'`,
  );
  const { ledger } = await openLedger(url);
  const ids = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), () => nowMs);
  return {
    ledgers: [sqlite, ledger],
    now: () => nowMs,
    newId: ids.mint,
    newProductId: () => ++lastProductId,
    async pass(ms) {
      nowMs += ms;
      await sql(url, 'UPDATE test_clock SET ms = $1', [nowMs]);
    },
    async booksOf(name) {
      if (name === 'sqlite') return withoutQueue(await openSqliteBooks(store, () => nowMs).read());
      const opened = await openPostgresBooks(url);
      try {
        return withoutQueue(await opened.read());
      } finally {
        await opened.close();
      }
    },
    async close() {
      store.close();
      rmSync(folder, { recursive: true });
      await ledger.close();
      await close();
    },
  };
}

/** One history, lived by both. */
async function live(pair: Pair, seed: number): Promise<void> {
  const random = randomFrom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)]!;
  const asked: Purchase[] = [];
  const bought: string[] = [];
  const leases = new Map<string, { attempt: number; leases: number }>();
  const refunds: ChargeName[] = [];
  const endings = new Map<string, AuditEntry>();

  async function both<T>(ask: (ledger: Ledger) => Promise<T>): Promise<T> {
    const [expected, answer] = [await ask(pair.ledgers[0]!), await ask(pair.ledgers[1]!)];
    expect(answer).toEqual(expected);
    return answer;
  }

  const products: NewProduct[] = [
    { units: 5 + below(40), perCustomerLimit: 1 + below(4) },
    { units: 5 + below(40), perCustomerLimit: null, customerRequired: random() < 0.5 },
    { units: below(2_000), closesAt: pair.now() + below(5_000) },
  ].map((own) => ({
    id: pair.newProductId(),
    name: 'Ein "Ding" \\ {1,2}',
    priceMinor: below(1_000),
    currency: 'EUR',
    holdSeconds: 1 + below(3),
    ...own,
  }));
  const productIds = [...products.map(({ id }) => id), 9_000_000_000];
  await both((ledger) => ledger.addProducts(products));

  function request(): Purchase {
    if (asked.length > 0 && random() < 0.15) return pick(asked);
    const channel = pick(['sync', 'async'] as const);
    const keyed = random() < 0.3;
    const { priceMinor } = products[0]!;
    const purchase: Purchase = {
      id: pair.newId(),
      productId: pick(productIds),
      quantity: random() < 0.7 ? 1 : 1 + below(4),
      customer: pick([null, 'ann', 'bob', 'ü"\\{,}', 'NULL', '']),
      channel,
      key: keyed
        ? {
            scope: `${channel}:${seed}`,
            value: pick(['k1', 'k2', 'k3', 'k4']),
            fingerprint: pick(['f', 'g']),
          }
        : null,
      acceptedAt: pair.now(),
      decideBy: pair.now() + pick([2_000, 60_000]),
      expectedPriceMinor: random() < 0.2 ? pick([priceMinor, priceMinor + 1]) : null,
      refusal: channel === 'async' && random() < 0.1 ? pick(['sale_closed', 'too_old'] as const) : null,
    };
    asked.push(purchase);
    return purchase;
  }

  /** A batch of the crowd, all alike, is decided on another way than a mixed one. */
  function batch(): Purchase[] {
    const size = 1 + below(12);
    if (random() < 0.5) return Array.from({ length: size }, request);
    const channel = pick(['sync', 'async'] as const);
    const acceptedAt = pair.now();
    const productId = random() < 0.5 ? pick(productIds) : null;
    return Array.from({ length: size }, () => {
      const plain = { ...request(), id: pair.newId(), key: null, refusal: null, channel, acceptedAt };
      const purchase = { ...plain, productId: productId ?? plain.productId };
      asked.push(purchase);
      return purchase;
    });
  }

  /** Sometimes one that was done before. */
  const operations: AuditEntry[] = [];
  function anEntry(productId: number): AuditEntry {
    if (operations.length > 0 && random() < 0.1) return pick(operations);
    const subject = `product/${productId}`;
    const operation = { actor: 'ann', action: 'product.change', subject, reason: null, details: {} } as const;
    operations.push({ ...operation, id: pair.newId() });
    return operations.at(-1)!;
  }

  /** The same one for the same order. */
  function onOrder(step: 'cancel' | 'refund', orderId: string): AuditEntry {
    const known = endings.get(step + orderId);
    if (known) return known;
    const [action, subject] = [`order.${step}`, `order/${orderId}`] as const;
    const operation = {
      id: pair.newId(),
      actor: 'ann',
      action,
      subject,
      reason: 'why, \\ "so"',
      details: { a: 1 },
    };
    endings.set(step + orderId, operation);
    return operation;
  }

  function someChanges(): ProductChanges {
    // The moments around now are where rules turn over.
    const time = () => pick([null, null, pair.now() - 1, pair.now(), pair.now() + 1 + below(20_000)]);
    const all: Required<ProductChanges> = {
      name: pick(['Ein "Ding" \\ {1,2}', 'Other']),
      description: pick([null, 'One line,\nand "another"']),
      imageUrl: pick([null, '/a.png', 'https://example.com/b.png']),
      priceMinor: 1 + below(1_000),
      state: pick(['open', 'open', 'paused'] as const),
      opensAt: random() < 0.7 ? null : time(),
      closesAt: time(),
      perCustomerLimit: random() < 0.4 ? null : 1 + below(8),
      customerRequired: random() < 0.3,
      holdSeconds: 1 + below(3),
      addUnits: below(12) - 5,
    };
    return Object.fromEntries(Object.entries(all).filter(() => random() < 0.4));
  }

  async function step(): Promise<void> {
    switch (
      pick([
        'decide',
        'decide',
        'decide',
        'conclude',
        'lease',
        'settle',
        'expire',
        'pass',
        'reset',
        'bind',
        'cancel',
        'refund',
        'capture late',
        'lease refunds',
        'settle refunds',
        'change',
        'change',
        'create',
        'close',
      ] as const)
    ) {
      case 'decide': {
        const purchases = batch();
        const again = random() < 0.2;
        const outcomes = await both(async (ledger) => {
          const decision = await ledger.decide(purchases, again);
          for (const product of decision.changes.products)
            expect(await ledger.product(product.id)).toEqual(product);
          return decision.outcomes;
        });
        for (const o of outcomes) if (o.kind === 'reserved' && !o.repeated) bought.push(o.order.id);
        return;
      }
      case 'conclude': {
        if (asked.length === 0) return;
        const purchase = pick(asked);
        await both(async (ledger) => {
          await ledger.conclude(purchase);
          return [...(await ledger.find([purchase.id]))];
        });
        return;
      }
      case 'lease': {
        const ids = Array.from({ length: below(8) }, () => pick(bought) ?? pair.newId());
        const leaseMs = pick([50, 5_000]);
        for (const { order, attempt, leases: count } of await both((ledger) => ledger.lease(ids, leaseMs))) {
          leases.set(order.id, { attempt, leases: count });
        }
        return;
      }
      case 'settle': {
        const results = Array.from({ length: below(8) }, (): ChargeResult => {
          const orderId = pick([...leases.keys()]) ?? pair.newId();
          const lease = leases.get(orderId) ?? { attempt: 1, leases: 1 };
          const type = pick(['captured', 'declined', 'attempt_failed', 'give_up'] as const);
          return {
            orderId,
            attempt: lease.attempt - (random() < 0.1 ? 1 : 0),
            leases: lease.leases - (random() < 0.2 ? 1 : 0),
            result:
              type === 'captured' ? { type, providerId: 'p "1"' } : { type, reason: 'because, \\ "so"' },
          };
        });
        await both(async (ledger) => sorted(await ledger.settle(results)));
        return;
      }
      case 'cancel': {
        const orderId = pick(bought) ?? pair.newId();
        const by = pick([
          { customer: null },
          { customer: 'ann' },
          { operation: onOrder('cancel', orderId) },
          {},
        ]);
        await both((ledger) => ledger.cancel(orderId, by));
        return;
      }
      case 'refund': {
        const orderId = pick([...leases.keys()]) ?? pair.newId();
        const operation = onOrder('refund', orderId);
        await both((ledger) => ledger.refund(orderId, operation));
        return;
      }
      case 'capture late': {
        const captures = Array.from({ length: below(4) }, () => {
          const orderId = pick([...leases.keys()]) ?? pair.newId();
          const attempt = (leases.get(orderId)?.attempt ?? 1) - (random() < 0.2 ? 1 : 0);
          return { orderId, attempt, providerId: 'late "1"' };
        });
        await both(async (ledger) => sorted(await ledger.captureLate(captures)));
        return;
      }
      case 'lease refunds': {
        const [limit, againAfterMs] = [below(6), pick([0, 50])];
        for (const { orderId, attempt } of await both((ledger) => ledger.leaseRefunds(limit, againAfterMs))) {
          refunds.push({ orderId, attempt });
        }
        return;
      }
      case 'settle refunds': {
        const settled = refunds.length === 0 ? [] : Array.from({ length: below(6) }, () => pick(refunds));
        await both(async (ledger) => sorted(await ledger.settleRefunds(settled)));
        return;
      }
      case 'expire':
        await both(async (ledger) => sorted(await ledger.expireOverdue(1_000)));
        return;
      case 'pass':
        return pair.pass(pick([1, 60, 500, 1_000]));
      case 'reset': {
        const [productId, units] = [pick(productIds), below(30)];
        const operation = random() < 0.3 ? anEntry(productId) : null;
        await both((ledger) => ledger.reset(productId, units, operation));
        return;
      }
      case 'change': {
        const productId = pick(productIds);
        const seen = await pair.ledgers[0]!.product(productId);
        const version = random() < 0.3 ? (seen?.version ?? 1) - below(2) : null;
        const changes = someChanges();
        const operation = anEntry(productId);
        await both((ledger) => ledger.changeProduct(productId, changes, operation, version));
        return;
      }
      case 'create': {
        const [id] = random() < 0.5 ? [pick(productIds)] : [pair.newProductId()];
        const {
          opensAt = null,
          closesAt = null,
          perCustomerLimit = null,
          customerRequired = false,
        } = someChanges();
        const times = { opensAt, closesAt, perCustomerLimit, customerRequired };
        const product = { id, name: 'Neu', priceMinor: 1, currency: 'EUR', units: below(9), ...times };
        const operation = anEntry(0);
        await both((ledger) => ledger.createProduct(product, operation));
        return;
      }
      case 'close': {
        const productId = pick(productIds);
        const operation = anEntry(productId);
        // A closed sale sells nothing to anybody; the rest of the history would be dull.
        if (random() < 0.2) await both((ledger) => ledger.closeSale(productId, operation));
        return;
      }
      case 'bind': {
        const bindings = Array.from({ length: 1 + below(4) }, () => ({
          key: {
            scope: `async:${seed}`,
            value: pick(['k1', 'k2', 'k3', 'k4', 'k5']),
            fingerprint: pick(['f', 'g']),
          },
          purchaseId: asked.length > 0 ? pick(asked).id : pair.newId(),
          acceptedAt: pair.now(),
        }));
        await both((ledger) => ledger.bindKeys(bindings));
      }
    }
  }

  for (let i = 0; i < STEPS; i++) {
    await step();
    const ids = [...asked.map(({ id }) => id), pair.newId()];
    await both((ledger) => ledger.find(ids));
    await both(async (ledger) => (await ledger.unsettled(20, 10_000)).toSorted());
    await both((ledger) => ledger.refundsDue());
  }
  for (const id of new Set(bought)) await both((ledger) => ledger.order(id));
  await both((ledger) => ledger.products());
  for (const id of productIds) await both((ledger) => ledger.describedProduct(id));
  await both((ledger) => ledger.productsAfter(productIds[0]!, 2));
  for (const productId of [null, ...productIds])
    for (const customer of [null, 'ann'])
      for (const status of [
        null,
        'reserved',
        'charging',
        'paid',
        'expired',
        'refunding',
        'refunded',
      ] as const)
        await both((ledger) => ledger.searchOrders({ productId, customer, status }, 50));
  await both((ledger) => ledger.auditLog(100, null));
  await both((ledger) => ledger.asyncCounts());
}

function sorted({ products, orders, ...others }: Changes): Changes {
  return {
    ...others,
    products: products.toSorted((a, b) => a.id - b.id),
    orders: orders.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

/** Examples of a breach are any few; here there are breaches, because nobody sweeps. */
function withoutQueue(books: Awaited<ReturnType<ReturnType<typeof openSqliteBooks>['read']>>): unknown {
  const counts = Object.entries(books.breaches).map(([name, { count }]) => [name, count]);
  return { ...books, totals: { ...books.totals, purchasesWaiting: null }, breaches: counts };
}
