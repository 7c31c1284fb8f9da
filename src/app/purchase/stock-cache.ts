import type { Clock } from '../../domain/clock.ts';
import { available, type Product, saleRefusal } from '../../domain/product.ts';
import type { Ledger, Standing } from '../../ports/ledger.ts';

/**
 * What this instance knows of the products, as of the last commit it saw. It answers reads of stock and the crowd that
 * comes after the sell-out without asking anybody; it decides nothing.
 */
export interface StockCache {
  /** The product if it was confirmed within the last `FRESH_MS`, else undefined. */
  fresh(productId: number): Product | undefined;
  /** Asks the ledger; undefined when there is no such product. Concurrent calls share one question. */
  refresh(productId: number): Promise<Product | undefined>;
  /** Takes what a commit returned that was asked for at `askedAtMs`, by default just now. Older versions are ignored. */
  saw(products: readonly Product[], askedAtMs?: number): void;
  /** The product as it was last seen, and how long ago that was confirmed; undefined when it never was. */
  last(productId: number): { readonly product: Product; readonly ageMs: number } | undefined;
  /**
   * Whether the sale takes no purchase at this moment, as far as is known here. Only the ledger can say so to a buyer, and it
   * says so before it says "sold out"; so nothing that is remembered of the units may answer then.
   */
  refuses(productId: number): boolean;
  /** The last standing seen, however old; null when the product was never seen. */
  standing(productId: number): Standing | null;
}

/** How long memory may speak for the ledger when this instance saw no commit itself. */
export const FRESH_MS = 250;

interface Entry {
  product: Product;
  checkedAtMs: number;
}

export function createStockCache(
  ledger: Pick<Ledger, 'product'>,
  monotonicMs: () => number,
  clock: Clock,
): StockCache {
  const entries = new Map<number, Entry>();
  const asking = new Map<number, Promise<Product | undefined>>();

  function keep(product: Product, checkedAtMs: number): Product {
    const entry = entries.get(product.id);
    if (!entry) entries.set(product.id, { product, checkedAtMs });
    else if (product.version >= entry.product.version) {
      const isNews = product.version > entry.product.version;
      entry.checkedAtMs = isNews ? checkedAtMs : Math.max(checkedAtMs, entry.checkedAtMs);
      entry.product = product;
    }
    return entry?.product ?? product;
  }

  function refresh(productId: number): Promise<Product | undefined> {
    let answer = asking.get(productId);
    if (!answer) {
      const askedAtMs = monotonicMs();
      answer = ledger
        .product(productId)
        .then((product) => product && keep(product, askedAtMs))
        .finally(() => asking.delete(productId));
      asking.set(productId, answer);
    }
    return answer;
  }

  function fresh(productId: number): Product | undefined {
    const entry = entries.get(productId);
    return entry && monotonicMs() - entry.checkedAtMs < FRESH_MS ? entry.product : undefined;
  }

  return {
    fresh,
    refresh,
    saw(products, askedAtMs = monotonicMs()) {
      for (const product of products) keep(product, askedAtMs);
    },
    last(productId) {
      const entry = entries.get(productId);
      return entry && { product: entry.product, ageMs: monotonicMs() - entry.checkedAtMs };
    },
    refuses(productId) {
      const entry = entries.get(productId);
      return entry !== undefined && saleRefusal(entry.product, clock()) !== null;
    },
    standing(productId) {
      const entry = entries.get(productId);
      return entry ? standingOf(entry.product) : null;
    },
  };
}

export function standingOf(product: Product): Standing {
  return { productId: product.id, version: product.version, available: available(product) };
}
