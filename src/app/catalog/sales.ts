import { AppError, isAppError } from '../../domain/errors.ts';
import type { Operation } from '../../domain/operation.ts';
import type { Product, ProductWish } from '../../domain/product.ts';
import type { ProductChanges } from '../../domain/product-changes.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Gate } from '../../ports/gate.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { SaleStep } from '../../ports/sales.ts';
import type { PurchaseBatcher } from '../purchase/batcher.ts';
import { type StockCache, standingOf } from '../purchase/stock-cache.ts';

/**
 * What operators do to products and their sales. The ledger does it; then everybody who remembers the product hears of it:
 * the memory of this process, its gate, purchases that wait for units, and over the feed the other processes.
 *
 * A commit that nobody heard of is asked about again with the same operation, which is done once. Rejects with AppError
 * `unavailable` (nothing done) or `outcome_unknown` (the operator has to look).
 */
export interface Sales {
  create(wish: ProductWish, operation: Operation): Promise<SaleStep>;
  /** `version` is the one that the caller has seen, or null. */
  change(
    productId: number,
    changes: ProductChanges,
    operation: Operation,
    version: number | null,
  ): Promise<SaleStep>;
  /** Ends the sale now; what is under way comes to its end. */
  close(productId: number, operation: Operation): Promise<SaleStep>;
  /** A fresh round of exactly `units` free units. */
  reset(productId: number, units: number, operation: Operation): Promise<SaleStep>;
  /** Makes the gate follow the ledger again, whatever it believes; undefined when there is no such product. */
  init(productId: number, operation: Operation): Promise<Product | undefined>;
}

interface Dependencies {
  readonly ledger: Ledger;
  readonly gate: Gate;
  readonly stockCache: StockCache;
  readonly batcher: Pick<PurchaseBatcher, 'follow'>;
  readonly onTrouble: (error: unknown, context: string) => void;
}

/** A few seconds in all: an operator waits for the answer. */
const TRIES_MAX = 5;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 1_000;

export function createSales({ ledger, gate, stockCache, batcher, onTrouble }: Dependencies): Sales {
  async function stepped(ask: () => Promise<SaleStep>): Promise<SaleStep> {
    const step = await untilKnown(ask);
    if (step.product) await tell(step.product);
    return step;
  }

  /** The ledger has spoken; whoever cannot be told now hears of it within a moment by itself. */
  async function tell(product: Product): Promise<void> {
    stockCache.saw([product]);
    try {
      await batcher.follow([standingOf(product)]);
    } catch (error) {
      onTrouble(error, `product ${product.id} was changed, which is not seen everywhere yet`);
    }
  }

  return {
    create: (wish, operation) => stepped(() => ledger.createProduct(wish, operation)),
    change: (productId, changes, operation, version) =>
      stepped(() => ledger.changeProduct(productId, changes, operation, version)),
    close: (productId, operation) => stepped(() => ledger.closeSale(productId, operation)),

    reset: (productId, units, operation) => stepped(() => ledger.reset(productId, units, operation)),

    async init(productId, operation) {
      const product = await stockCache.refresh(productId);
      if (!product) return undefined;
      // Before it is done: what was done is then surely written down.
      await untilKnown(() => ledger.log(operation));
      await gate.follow(standingOf(product), 'any');
      await batcher.follow([standingOf(product)]);
      return product;
    },
  };
}

async function untilKnown<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries === 1 && !isAppError(error, 'outcome_unknown')) throw error;
      if (tries === TRIES_MAX || !(error instanceof AppError)) {
        // Of the first try nobody knows, whatever became of the last one.
        throw new AppError('outcome_unknown', 'It is not known whether this was done.', { cause: error });
      }
    }
    await Bun.sleep(backoffMs(tries, RETRY_MS_MIN, RETRY_MS_MAX));
  }
}
