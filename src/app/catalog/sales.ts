import type { AuditEntry } from '../../domain/audit-entry.ts';
import { AppError, isAppError } from '../../domain/errors.ts';
import { isHidden, type NewProductRequest, type Product, stockOf } from '../../domain/product.ts';
import type { ProductChanges } from '../../domain/product-changes.ts';
import type { SaleStep } from '../../domain/product-steps.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Gate } from '../../ports/gate.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { StockCache } from '../purchase/stock-cache.ts';

/**
 * What operators do to products and their sales. A commit whose answer was lost is asked for again with the same entry,
 * which is done once. Rejects with AppError `unavailable` (nothing done) or `outcome_unknown` (the operator has to look).
 */
export interface Sales {
  /** A hidden product gets an id that cannot be guessed. */
  create(request: NewProductRequest, entry: AuditEntry): Promise<SaleStep>;
  /** `version` is the one that the caller has seen, or null. */
  change(
    productId: number,
    changes: ProductChanges,
    entry: AuditEntry,
    version: number | null,
  ): Promise<SaleStep>;
  /** Ends the sale now; what is under way comes to its end. */
  close(productId: number, entry: AuditEntry): Promise<SaleStep>;
  /** A new generation of exactly `units` free units. */
  reset(productId: number, units: number, entry: AuditEntry): Promise<SaleStep>;
  /** Updates the gate from the ledger, whatever it counts; undefined when there is no such product. */
  init(productId: number, entry: AuditEntry): Promise<Product | undefined>;
}

interface Dependencies {
  readonly ledger: Pick<Ledger, 'createProduct' | 'changeProduct' | 'closeSale' | 'reset' | 'log'>;
  readonly gate: Pick<Gate, 'update'>;
  readonly stockCache: Pick<StockCache, 'refresh'>;
}

/** A few seconds in all: an operator waits for the answer. */
const TRIES_MAX = 5;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 1_000;

export function createSales({ ledger, gate, stockCache }: Dependencies): Sales {
  return {
    create(request, entry) {
      const named = isHidden(request) ? { ...request, id: hiddenId() } : request;
      return untilKnown(() => ledger.createProduct(named, entry));
    },
    change: (productId, changes, entry, version) =>
      untilKnown(() => ledger.changeProduct(productId, changes, entry, version)),
    close: (productId, entry) => untilKnown(() => ledger.closeSale(productId, entry)),
    reset: (productId, units, entry) => untilKnown(() => ledger.reset(productId, units, entry)),

    async init(productId, entry) {
      const product = await stockCache.refresh(productId);
      if (!product) return undefined;
      // Before it is done: what was done is then surely written down.
      await untilKnown(() => ledger.log(entry));
      await gate.update(stockOf(product), 'force');
      return product;
    },
  };
}

/** 52 random bits, above every id that is given out in turn; still exact as a number. */
function hiddenId(): number {
  const [random] = crypto.getRandomValues(new BigUint64Array(1));
  return Number(2n ** 52n + (random! & (2n ** 52n - 1n)));
}

export async function untilKnown<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries === 1 && !isAppError(error, 'outcome_unknown')) throw error;
      if (tries === TRIES_MAX || !(error instanceof AppError)) {
        // The first try may have committed, however the last one ended.
        throw new AppError('outcome_unknown', 'It is not known whether this was done.', { cause: error });
      }
    }
    await Bun.sleep(backoffMs(tries, RETRY_MS_MIN, RETRY_MS_MAX));
  }
}
