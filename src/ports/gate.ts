import type { StockVersion } from '../domain/product.ts';

/**
 * The hot admission counter of each product. It follows the ledger and decides nothing: it saves the ledger work by
 * refusing what the ledger would surely refuse.
 *
 * Per product it keeps the newest stock version it received and `free`, which is that version's `available` less the
 * claims since. A claim is never settled or released: the next stock version corrects it. A gate may lose its state at
 * any moment; the batcher then updates it from the ledger.
 */
export interface Gate {
  /**
   * Takes `seen` if it is newer and claims for each quantity in order, as one atomic step per product.
   * `claims[i]` answers `quantities[i]`:
   *
   * - `claimed`: the ledger decides.
   * - `refused`: not enough, and the ledger's own `available` is below the quantity, so it is sold out.
   * - `wait`: not enough only because of claims in flight; retry at the next stock version.
   *
   * A gate that does not know the product answers `known: false` and claims nothing.
   */
  claim(productId: number, quantities: readonly number[], seen: StockVersion | null): Promise<GateAnswer>;

  /**
   * Sets the stock version. `ifNewer` replaces an older one. `ifNotOlder` also replaces the same one, which drops the claims
   * since: they took nothing. `force` replaces any, for a version that was just read while the gate cannot be right.
   */
  update(stock: StockVersion, when: UpdateWhen): Promise<void>;

  /** Drops what is kept of a product that was removed. */
  forget(productId: number): Promise<void>;

  /** Resolves when the gate answers; rejects with `unavailable` while it is bypassed. */
  ping(): Promise<void>;

  close(): Promise<void>;
}

export type UpdateWhen = 'ifNewer' | 'ifNotOlder' | 'force';

export type Claim = 'claimed' | 'refused' | 'wait';

export type GateAnswer =
  | { readonly known: false }
  | { readonly known: true; readonly stock: StockVersion; readonly claims: Claim[] };
