import { stockOf } from '../../domain/product.ts';
import type { Gate } from '../../ports/gate.ts';
import type { StockCache } from '../purchase/stock-cache.ts';

/** Products updated per run; with more products each has its turn after some runs. */
const PRODUCTS_MAX = 100;

/**
 * Updates the gate from the ledger for products at rest, which drops claims that took nothing because their process died.
 * A product that changed since the last run is skipped: its own commits correct the gate. Returns the number of products
 * updated.
 */
export function createGateTask({
  stockCache,
  gate,
  monotonicMs,
}: {
  readonly stockCache: Pick<StockCache, 'refreshAll' | 'last'>;
  readonly gate: Pick<Gate, 'update'>;
  readonly monotonicMs: () => number;
}): () => Promise<number> {
  let lastRunAtMs = Number.NEGATIVE_INFINITY;
  let next = 0;

  return async () => {
    const products = await stockCache.refreshAll();
    const atRest = products.filter(({ id }) => stockCache.last(id)!.changedAtMs <= lastRunAtMs);
    lastRunAtMs = monotonicMs();
    if (next >= atRest.length) next = 0;
    const turn = atRest.slice(next, next + PRODUCTS_MAX);
    next += turn.length;
    await Promise.all(turn.map((product) => gate.update(stockOf(product), 'force')));
    return turn.length;
  };
}
