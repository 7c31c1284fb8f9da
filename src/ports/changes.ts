import type { OrderChange } from '../domain/order.ts';
import type { Product } from '../domain/product.ts';

/** What one commit of the ledger changed. Every write that touches products, orders or outcomes returns it. */
export interface Changes {
  /** Rows as they are after the commit, one per product. A refused batch shows its product unchanged. */
  readonly products: readonly Product[];
  /** Orders with a new status, newly reserved ones included. */
  readonly orders: readonly OrderChange[];
  /** Async purchases that have an outcome now. */
  readonly decided: readonly string[];
}

export const NO_CHANGES: Changes = { products: [], orders: [], decided: [] };

/** Several steps of one commit as one: the last state of each product and of each order. */
export function joinChanges(...steps: readonly Changes[]): Changes {
  return {
    products: lastById(steps.flatMap(({ products }) => products)),
    orders: lastById(steps.flatMap(({ orders }) => orders)),
    decided: steps.flatMap(({ decided }) => decided),
  };
}

function lastById<T extends { readonly id: unknown }>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [item.id, item])).values()];
}
