import type { Clock } from '../../domain/clock.ts';
import { isHidden, type Product } from '../../domain/product.ts';
import { type RemovalStep, refused } from '../../domain/product-steps.ts';
import type { Gate } from '../../ports/gate.ts';
import type { Products } from '../../ports/products.ts';
import type { Queue } from '../../ports/queue.ts';
import type { DeadLetters, Note } from '../ops/dead-letters.ts';
import { untilKnown } from './sales.ts';

/**
 * Removes a hidden product: its dead letters, its outcomes and orders with all that belongs to them, its counter in the gate, and
 * then the product. Other sales go on meanwhile. Ends after some seconds with `part` when there is more; another call continues.
 *
 * Refused as `sale_not_drained` while the queue may hold a purchase of it, which would find no product any more, and while a
 * consumer of another process does not tell what it holds.
 */
export type RemoveProduct = (productId: number, note: Note) => Promise<RemovalStep>;

export interface RemovalDependencies {
  readonly ledger: Pick<Products, 'product' | 'removeProduct'>;
  readonly gate: Pick<Gate, 'forget'>;
  readonly queue: Pick<Queue, 'status'>;
  readonly deadLetters: Pick<DeadLetters, 'discardOf'>;
  readonly clock: Clock;
  /** How long a purchase may be on its way into the queue. */
  readonly purchaseTimeoutMs: number;
}

/** Rows of a step: some 10 ms of SQLite's one writer thread, in which no purchase is decided. */
const ROWS_MAX = 500;
/** Rest after each step, so that purchases have the writer for half of the time. */
const REST_MS = 10;
/** A caller waits for the answer, and other clients give up after half a minute. */
const CALL_MS = 5_000;

export function createRemoval(dependencies: RemovalDependencies): RemoveProduct {
  const { ledger, gate, queue, deadLetters, clock, purchaseTimeoutMs } = dependencies;

  /** A queued purchase was accepted before the close, so it is older than that; the margin is for those on their way. */
  async function mayBeQueued({ closesAt }: Product): Promise<boolean> {
    // Twice, because the first reading may have begun before the close, for another caller.
    await queue.status();
    const status = await queue.status();
    const { oldestAgeMs, silentConsumers } = status.find(({ name }) => name === 'purchases')!;
    if (silentConsumers) return true;
    return closesAt === null || clock() - closesAt < oldestAgeMs + purchaseTimeoutMs;
  }

  return async (productId, note) => {
    const endsAtMs = performance.now() + CALL_MS;
    const entry = note('product.remove', `product/${productId}`, {});
    const product = await ledger.product(productId);
    if (product && isHidden(product)) {
      if (await mayBeQueued(product)) return refused({ code: 'sale_not_drained', field: null }, product);
      await deadLetters.discardOf(productId, note);
    }
    for (;;) {
      const step = await untilKnown(() => ledger.removeProduct(productId, entry, ROWS_MAX));
      if (step.kind === 'removed') await gate.forget(productId);
      if (step.kind !== 'part' || performance.now() > endsAtMs) return step;
      await Bun.sleep(REST_MS);
    }
  };
}
