import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSimulator, type SimulatorOptions } from '../../src/adapters/simulator/simulator.ts';
import { openSqliteBooks } from '../../src/adapters/sqlite/ledger/books.ts';
import { openSqliteLedger } from '../../src/adapters/sqlite/ledger.ts';
import { openSqliteQueue } from '../../src/adapters/sqlite/queue.ts';
import { openStore } from '../../src/adapters/sqlite/store.ts';
import { createChangeBus, publishing } from '../../src/app/changes.ts';
import { audit } from '../../src/app/ops/audit.ts';
import {
  createPaymentProcessor,
  type PaymentProcessor,
  type PaymentProcessorDependencies,
} from '../../src/app/payments/processor.ts';
import type { Clock } from '../../src/domain/clock.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../src/domain/ids.ts';
import type { Order, OrderChange } from '../../src/domain/order.ts';
import { available, type NewProduct, type StockVersion, stockOf } from '../../src/domain/product.ts';
import { NO_CHANGES } from '../../src/ports/changes.ts';
import { keptLog } from './kept-log.ts';
import { otherProcesses } from './other-processes.ts';

export const UNITS = 100;
export const HOLD_MS = 600_000;
export const LEASE_MS = 30_000;
export const RECONCILE_AGE_MS = 10_000;

/** What the tables say, for checks that must not trust the code under test. */
export interface Books {
  readonly total: number;
  readonly available: number;
  readonly reserved: number;
  readonly sold: number;
  /** Rules of the books that do not hold. */
  readonly breaches: string[];
}

/** A ledger and a queue on a real store of their own, the simulator, and payment processors on top. Time can be moved ahead. */
export function openPaymentsFixture(
  options: {
    readonly units?: number;
    readonly currency?: string;
    readonly simulator?: SimulatorOptions;
  } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecart-payments-'));
  const store = openStore(folder);
  let aheadMs = 0;
  const clock: Clock = () => Date.now() + aheadMs;
  const ids = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), clock);
  const bugs: string[] = [];
  const changes = createChangeBus(otherProcesses().feed, keptLog(bugs));
  const quiet = openSqliteLedger(store, clock);
  const ledger = publishing(quiet, changes, () => performance.now());
  const queue = openSqliteQueue(store, clock);
  const simulator = openSimulator({
    latencyMs: 1,
    jitterMs: 1,
    timeoutMs: 5,
    tooLateMs: 5,
    ...options.simulator,
  });
  const processors: PaymentProcessor[] = [];
  const stock: StockVersion[] = [];
  const news: OrderChange[] = [];
  changes.subscribe({
    committed({ products, orders }) {
      stock.push(...products.map(stockOf));
      news.push(...orders);
    },
  });
  const troubles: string[] = [];

  return {
    ledger,
    /** The same without publishing: like a process that dies right after its commit. */
    quiet,
    queue,
    simulator,
    store,
    changes,
    /** Failures of subscribers. */
    bugs,
    stock,
    news,
    troubles,

    open: () =>
      ledger.addProducts([
        {
          ...PRODUCT,
          units: options.units ?? UNITS,
          currency: options.currency ?? PRODUCT.currency,
        },
      ]),

    /** A payment processor that sweeps all the time, so that tests wait for nothing but the clock they move. */
    processor(dependencies: Partial<PaymentProcessorDependencies> = {}): PaymentProcessor {
      const processor = createPaymentProcessor({
        ledger,
        queue,
        provider: simulator,
        log: keptLog(troubles),
        changes,
        ...dependencies,
        timing: {
          leaseMs: LEASE_MS,
          sweepEveryMs: 5,
          reconcileAgeMs: RECONCILE_AGE_MS,
          closeDeadlineMs: 200,
          ...dependencies.timing,
        },
      });
      processors.push(processor);
      return processor;
    },

    /** Reserves one unit for each customer, which nobody hears of; answers the order ids. */
    async reserve(...customers: string[]): Promise<string[]> {
      const purchases = customers.map((customer) => ({
        id: ids.mint(),
        productId: PRODUCT.id,
        quantity: 1,
        customer,
        channel: 'sync' as const,
        key: null,
        acceptedAt: 0,
        decideBy: Number.MAX_SAFE_INTEGER,
        refusal: null,
        expectedPriceMinor: null,
      }));
      await quiet.decide(purchases);
      return purchases.map(({ id }) => id);
    },

    /** Publishes that these orders were reserved. */
    announce(orderIds: readonly string[]): void {
      changes.publish({ ...NO_CHANGES, reserved: orderIds }, performance.now());
    },

    passTime(ms: number): void {
      aheadMs += ms;
    },

    async order(orderId: string): Promise<Order> {
      return (await ledger.order(orderId))!.order;
    },

    async books(): Promise<Books> {
      const product = (await ledger.product(PRODUCT.id))!;
      const counted = store.db
        .query<{ reserved: number; sold: number; doublyPaid: number; unpaid: number }, []>(BOOKS)
        .get()!;
      const breaches = [
        product.reserved === counted.reserved ? '' : 'reserved differs from the open orders',
        product.sold === counted.sold ? '' : 'sold differs from the paid orders',
        counted.doublyPaid === 0 ? '' : 'an order was captured twice',
        counted.unpaid === 0 ? '' : 'an order is paid without a capture, or captured and not paid',
      ].filter((breach) => breach !== '');
      const { total, reserved, sold } = product;
      return { total, available: available(product), reserved, sold, breaches };
    },

    /** Breaches that the audit finds, and money that the company has or lacks by its own account. */
    async audit(): Promise<string[]> {
      const verdicts = audit(await openSqliteBooks(store, clock).read());
      const { capturedMinor, refundedMinor } = simulator.money(PRODUCT.currency);
      const { owed } = store.db.query<{ owed: number }, []>(CAPTURED).get()!;
      const hasMinor = capturedMinor - refundedMinor;
      return [
        ...verdicts.filter(({ pass }) => !pass).map(({ name, detail }) => `${name}: ${detail}`),
        ...(hasMinor === owed ? [] : [`the company has ${hasMinor}, the ledger knows of ${owed}`]),
      ];
    },

    async close(): Promise<void> {
      await simulator.close();
      await Promise.all(processors.map((processor) => processor.close()));
      await queue.close();
      store.close();
      rmSync(folder, { recursive: true });
    },
  };
}

const PRODUCT: NewProduct = {
  id: 1,
  name: 'A thing',
  priceMinor: 1_000,
  currency: 'USD',
  units: UNITS,
  holdSeconds: HOLD_MS / 1_000,
};

/** What the ledger believes the company to have. */
const CAPTURED = `
  SELECT coalesce(sum(amount_minor), 0) AS owed FROM payments WHERE status IN ('captured', 'refunding')`;

const BOOKS = `
  SELECT (SELECT coalesce(sum(quantity), 0) FROM orders WHERE status IN ('reserved', 'charging')) AS reserved,
         (SELECT coalesce(sum(quantity), 0) FROM orders WHERE status IN ('paid', 'refunding')) AS sold,
         (SELECT count(*) FROM (SELECT 1 FROM payments WHERE status = 'captured'
                                GROUP BY order_id HAVING count(*) > 1)) AS doublyPaid,
         (SELECT count(*) FROM orders WHERE (status = 'paid') <>
            EXISTS (SELECT 1 FROM payments WHERE order_id = orders.id AND status = 'captured')) AS unpaid`;
