import type { Standing } from './ledger.ts';

/**
 * The hot admission counter of each product. It follows the ledger and decides nothing: it saves the ledger work by
 * refusing what the ledger would surely refuse.
 *
 * Per product it keeps the newest standing it was shown and `free`, which is that standing's `available` less what
 * was claimed since. A claim is never settled or given back: the next standing corrects it. Everything a gate keeps
 * may be lost at any moment; the batcher then shows it the ledger's truth again.
 */
export interface Gate {
  /**
   * Follows `seen` (if it is newer) and claims for each quantity in order, as one atomic step per product.
   * `claims[i]` answers `quantities[i]`:
   *
   * - `claimed`: go to the ledger.
   * - `refused`: not enough, and the ledger's own `available` is below the quantity. Sold out by the ledger's word.
   * - `wait`: not enough only because of claims in flight; the next standing will tell.
   *
   * A gate that knows nothing of the product answers `known: false` and claims nothing.
   */
  claim(productId: number, quantities: readonly number[], seen: Standing | null): Promise<GateAnswer>;

  /**
   * Shows the gate a standing, which it keeps over an older one. To say that claims came to nothing it is shown over the
   * same one, too: they are forgotten. Over any it stands when it has just been read and the gate cannot be right.
   */
  follow(standing: Standing, over?: Over): Promise<void>;

  /** Resolves when the gate answers; rejects with `unavailable` while it does not and the ledger does without it. */
  ping(): Promise<void>;

  close(): Promise<void>;
}

/** Which of the gate's own standings a shown one replaces. */
export type Over = 'older' | 'same' | 'any';

export type Claim = 'claimed' | 'refused' | 'wait';

export type GateAnswer =
  | { readonly known: false }
  | { readonly known: true; readonly standing: Standing; readonly claims: Claim[] };
