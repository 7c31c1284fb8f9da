import type { DescribedProduct } from '../../domain/product.ts';
import { singleFlight } from '../../lib/single-flight.ts';
import type { Products } from '../../ports/products.ts';
import { FRESH_MS, type StockCache } from '../purchase/stock-cache.ts';

/**
 * Products with their descriptions, for those who look at them. The stock cache has none, because no purchase needs one; so a
 * description is read from the ledger, four times a second at most, and the units beside it are the newest that are known here.
 */
export interface ProductReader {
  /** At most `FRESH_MS` old; undefined when there is no such product. */
  read(productId: number): Promise<DescribedProduct | undefined>;
  /** Notes a product as an operator's step left it, so that its reader here sees the change at once. */
  keep(product: DescribedProduct): void;
}

interface Entry {
  readonly product: DescribedProduct;
  readonly askedAtMs: number;
}

export function createProductReader(
  ledger: Pick<Products, 'describedProduct'>,
  stockCache: Pick<StockCache, 'last'>,
  monotonicMs: () => number,
): ProductReader {
  // One for each product that there is.
  const entries = new Map<number, Entry>();

  function note(product: DescribedProduct, askedAtMs: number): DescribedProduct {
    const entry = entries.get(product.id);
    if (entry && entry.product.version > product.version) return entry.product;
    entries.set(product.id, { product, askedAtMs });
    return product;
  }

  const refresh = singleFlight(async (productId: number) => {
    const askedAtMs = monotonicMs();
    const product = await ledger.describedProduct(productId);
    if (product) return note(product, askedAtMs);
    entries.delete(productId);
    return undefined;
  });

  return {
    async read(productId) {
      const entry = entries.get(productId);
      const isFresh = entry && monotonicMs() - entry.askedAtMs < FRESH_MS;
      const described = isFresh ? entry.product : await refresh(productId);
      // Whenever it was confirmed, a later version is nearer to what is now.
      const newest = stockCache.last(productId)?.product;
      if (!described || !newest || newest.version <= described.version) return described;
      const { description, imageUrl } = described;
      return { ...newest, description, imageUrl };
    },
    keep: (product) => void note(product, monotonicMs()),
  };
}
