import type { Clock } from '../../domain/clock.ts';
import { type Product, type StockVersion, saleRefusal, stockOf } from '../../domain/product.ts';
import type { Log } from '../../lib/log.ts';
import { singleFlight } from '../../lib/single-flight.ts';
import { createThrottle } from '../../lib/throttle.ts';
import type { Products } from '../../ports/products.ts';
import type { ChangeBus } from '../changes.ts';

/**
 * This process's cache of products, as of the last commit it knows. It answers reads of stock, and the requests after a
 * sell-out, without a call of the ledger; it decides nothing. Commits of this process update its rows; after commits of
 * other processes it reads the row again.
 */
export interface StockCache {
  /** The product if it was confirmed within the last `FRESH_MS`, else undefined. */
  fresh(productId: number): Product | undefined;
  /** Reads from the ledger; undefined when there is no such product. Concurrent calls share one query. */
  refresh(productId: number): Promise<Product | undefined>;
  /** Reads all products from the ledger. */
  refreshAll(): Promise<readonly Product[]>;
  /** The product's last known row, its age since confirmation, and when that version was first seen; undefined if never seen. */
  last(productId: number): LastSeen | undefined;
  /**
   * Whether the sale is closed to purchases now, as far as is known here. Only the ledger may answer that to a buyer, and it
   * does so before "sold out"; so the cached units must not answer then.
   */
  refuses(productId: number): boolean;
  /** The last stock version seen, however old; null when the product was never seen. */
  stock(productId: number): StockVersion | null;
  /** Calls the listener synchronously with each newer row, until the returned function is called. */
  onChange(listener: StockListener): () => void;
  close(): void;
}

export interface LastSeen {
  readonly product: Product;
  readonly ageMs: number;
  /** Monotonic time at which this version was first seen here. */
  readonly changedAtMs: number;
}

/** `before` is undefined for a product that was never seen. */
export type StockListener = (product: Product, before: Product | undefined) => void;

export interface StockCacheDependencies {
  readonly ledger: Pick<Products, 'product' | 'products'>;
  readonly changes: Pick<ChangeBus, 'subscribe'>;
  readonly monotonicMs: () => number;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long the cache may answer for the ledger when this instance saw no commit itself. */
export const FRESH_MS = 250;
/** Pause between reads of a product that other processes sell: with thirty of them at full speed it is 20 reads a second. */
const READ_AGAIN_EVERY_MS = 50;

interface Entry {
  product: Product;
  checkedAtMs: number;
  changedAtMs: number;
  /** The highest version that another process has published. Its messages may arrive in any order. */
  heardVersion: number;
}

export function createStockCache(dependencies: StockCacheDependencies): StockCache {
  const { ledger, changes, monotonicMs, clock, log } = dependencies;
  const entries = new Map<number, Entry>();
  const listeners = new Set<StockListener>();

  function keep(product: Product, checkedAtMs: number): Product {
    const entry = entries.get(product.id);
    if (!entry) {
      entries.set(product.id, { product, checkedAtMs, changedAtMs: monotonicMs(), heardVersion: 0 });
      announce(product, undefined);
      return product;
    }
    const before = entry.product;
    if (product.version > before.version) {
      entry.product = product;
      entry.checkedAtMs = checkedAtMs;
      entry.changedAtMs = monotonicMs();
      announce(product, before);
    } else if (product.version === before.version) {
      entry.checkedAtMs = Math.max(checkedAtMs, entry.checkedAtMs);
    }
    return entry.product;
  }

  function announce(product: Product, before: Product | undefined): void {
    for (const listener of listeners) {
      try {
        listener(product, before);
      } catch (error) {
        log.warn({ err: error }, 'a listener of the stock cache threw');
      }
    }
  }

  const refresh = singleFlight(async (productId: number) => {
    const askedAtMs = monotonicMs();
    const product = await ledger.product(productId);
    return product && keep(product, askedAtMs);
  });

  /** Reads the row again, twice when the first read began before the change. */
  async function catchUp(entry: Entry): Promise<void> {
    const { id } = entry.product;
    if (entry.product.version < entry.heardVersion) await refresh(id);
    if (entry.product.version < entry.heardVersion) await refresh(id);
  }

  const readAgain = createThrottle<number, Entry>(READ_AGAIN_EVERY_MS, (_, entry) => {
    catchUp(entry).catch((error) => log.warn({ err: error }, 'stock cache not updated yet'));
  });

  const unsubscribe = changes.subscribe({
    committed({ products }, askedAtMs) {
      for (const product of products) keep(product, askedAtMs);
    },
    stock(versions) {
      // A product that was never read here need not be cached.
      for (const { productId, version } of versions) {
        const entry = entries.get(productId);
        if (!entry || version <= entry.product.version) continue;
        entry.heardVersion = Math.max(version, entry.heardVersion);
        readAgain.offer(productId, entry);
      }
    },
  });

  function fresh(productId: number): Product | undefined {
    const entry = entries.get(productId);
    return entry && monotonicMs() - entry.checkedAtMs < FRESH_MS ? entry.product : undefined;
  }

  return {
    fresh,
    refresh,
    async refreshAll() {
      const askedAtMs = monotonicMs();
      return (await ledger.products()).map((product) => keep(product, askedAtMs));
    },
    last(productId) {
      const entry = entries.get(productId);
      if (!entry) return undefined;
      const { product, checkedAtMs, changedAtMs } = entry;
      return { product, ageMs: monotonicMs() - checkedAtMs, changedAtMs };
    },
    refuses(productId) {
      const entry = entries.get(productId);
      return entry !== undefined && saleRefusal(entry.product, clock()) !== null;
    },
    stock(productId) {
      const entry = entries.get(productId);
      return entry ? stockOf(entry.product) : null;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      unsubscribe();
      readAgain.close();
    },
  };
}
