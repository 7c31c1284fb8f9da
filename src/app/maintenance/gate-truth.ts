import type { Product } from '../../domain/product.ts';
import { available } from '../../domain/product.ts';
import type { Gate } from '../../ports/gate.ts';
import type { Ledger } from '../../ports/ledger.ts';

/** Products shown to the gate per round: with more than these each has its turn after some rounds. */
const PRODUCTS_MAX = 100;

/**
 * Shows the gate the truth about products at rest. A claim that came to nothing without a commit (its process died) is
 * forgotten by that. A product that changed since the last round is left alone: its own commits correct the gate.
 * Answers how many were shown.
 */
export function createGateTask({
  ledger,
  gate,
}: {
  readonly ledger: Pick<Ledger, 'products'>;
  readonly gate: Pick<Gate, 'follow'>;
}): () => Promise<number> {
  let seen = new Map<number, number>();
  let next = 0;

  return async () => {
    const products = await ledger.products();
    const atRest = products.filter(({ id, version }) => seen.get(id) === version);
    seen = new Map(products.map(({ id, version }) => [id, version]));
    if (next >= atRest.length) next = 0;
    const turn = atRest.slice(next, next + PRODUCTS_MAX);
    next += turn.length;
    await Promise.all(turn.map(show));
    return turn.length;
  };

  function show(product: Product): Promise<void> {
    const { id: productId, version } = product;
    return gate.follow({ productId, version, available: available(product) }, 'any');
  }
}
