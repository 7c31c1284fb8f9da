import type { Moved } from './endings.ts';

export const NOTHING_MOVED: Moved = { standings: [], orders: [] };

/** Several steps of one commit told as one: the last word on each product and on each order. */
export function joinMoved(...steps: readonly Moved[]): Moved {
  return {
    standings: lastOf(
      steps.flatMap(({ standings }) => standings),
      ({ productId }) => productId,
    ),
    orders: lastOf(
      steps.flatMap(({ orders }) => orders),
      ({ orderId }) => orderId,
    ),
  };
}

function lastOf<T>(items: readonly T[], keyOf: (item: T) => unknown): T[] {
  return [...new Map(items.map((item) => [keyOf(item), item])).values()];
}
