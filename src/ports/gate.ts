import type { StockVersion } from '../domain/product.ts';

/**
 * The hot admission counter of each product. It follows the ledger and decides nothing: it saves the ledger work by
 * refusing what the ledger would surely refuse.
 *
 * Per product it keeps the newest stock version it was given and `free`, which is that version's `available` less what
 * was claimed since. A claim is never settled or given back: the next stock version corrects it. Everything a gate keeps
 * may be lost at any moment; the batcher then updates it from the ledger.
 */
export interface Gate {
  /**
   * Takes `seen` if it is newer and claims for each quantity in order, as one atomic step per product.
   * `claims[i]` answers `quantities[i]`:
   *
   * - `claimed`: go to the ledger.
   * - `refused`: not enough, and the ledger's own `available` is below the quantity. Sold out by the ledger's word.
   * - `wait`: not enough only because of claims in flight; the next stock version will tell.
   *
   * A gate that knows nothing of the product answers `known: false` and claims nothing.
   */
  claim(productId: number, quantities: readonly number[], seen: StockVersion | null): Promise<GateAnswer>;

  /**
   * Gives the gate a stock version. `ifNewer` replaces an older one. `ifNotOlder` replaces the same one, too, which forgets
   * the claims since: they took nothing. `force` replaces any, for a version that was just read while the gate cannot be right.
   */
  update(stock: StockVersion, when: UpdateWhen): Promise<void>;

  /** Resolves when the gate answers; rejects with `unavailable` while it does not and the ledger does without it. */
  ping(): Promise<void>;

  close(): Promise<void>;
}

export type UpdateWhen = 'ifNewer' | 'ifNotOlder' | 'force';

export type Claim = 'claimed' | 'refused' | 'wait';

export type GateAnswer =
  | { readonly known: false }
  | { readonly known: true; readonly stock: StockVersion; readonly claims: Claim[] };
