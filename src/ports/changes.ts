import type { OrderChange } from '../domain/order.ts';
import type { Product } from '../domain/product.ts';

/**
 * What one commit of the ledger changed. Every write that changes products or orders, or decides purchases, returns it, but
 * for two: `lease`, because charging lasts for one call of the provider; and `conclude`, whose caller reads the outcome, while
 * other readers ask for it within half a second.
 */
export interface Changes {
  /** Rows as they are after the commit, one per product. A refused batch shows its product unchanged. */
  readonly products: readonly Product[];
  /** Ids of the orders that were made. */
  readonly reserved: readonly string[];
  /** Orders that existed and came to another status. */
  readonly orders: readonly OrderChange[];
  /** Async purchases that have an outcome now. */
  readonly decided: readonly string[];
}

export const NO_CHANGES: Changes = { products: [], reserved: [], orders: [], decided: [] };

/** Several steps of one commit as one: the last state of each product and of each order. */
export function joinChanges(...steps: readonly Changes[]): Changes {
  return {
    products: lastById(steps.flatMap(({ products }) => products)),
    reserved: steps.flatMap(({ reserved }) => reserved),
    orders: lastById(steps.flatMap(({ orders }) => orders)),
    decided: steps.flatMap(({ decided }) => decided),
  };
}

function lastById<T extends { readonly id: unknown }>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [item.id, item])).values()];
}
