import { type Signal, signal } from '@preact/signals';
import type { Session } from './session.ts';
import type { SaleProduct } from './shapes.ts';

/** The products as they were last read. */
export interface Catalog {
  /** Null before they were read. */
  readonly products: Signal<readonly SaleProduct[] | null>;
  readonly trouble: Signal<string | null>;
  /** There are more than are shown. */
  readonly isCut: Signal<boolean>;
  read(): Promise<void>;
  /** Keeps what an answer told of one product. */
  heard(product: SaleProduct): void;
  nameOf(productId: number): string;
}

const PRODUCTS_MAX = 500;

export function createCatalog(session: Session): Catalog {
  const products = signal<readonly SaleProduct[] | null>(null);
  const trouble = signal<string | null>(null);
  const isCut = signal(false);
  return {
    products,
    trouble,
    isCut,
    async read() {
      const answer = await session.ask<{ products: SaleProduct[]; next: number | null }>(
        `/api/v1/products?limit=${PRODUCTS_MAX}`,
      );
      trouble.value = answer.ok ? null : answer.message;
      if (!answer.ok) return;
      const known = new Map(products.value?.map((one) => [one.productId, one]));
      // An answer to a change may have come before a list that was read earlier.
      products.value = answer.body.products.map((one) => {
        const before = known.get(one.productId);
        return before && before.version > one.version ? before : one;
      });
      isCut.value = answer.body.next !== null;
    },
    heard(product) {
      const others = (products.value ?? []).filter(({ productId }) => productId !== product.productId);
      products.value = [...others, product].sort((a, b) => a.productId - b.productId);
    },
    nameOf: (productId) =>
      products.value?.find((one) => one.productId === productId)?.name ?? `no. ${productId}`,
  };
}
