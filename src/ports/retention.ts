/** What the ledger forgets after its time, a bounded number of rows per step. A part of the Ledger. */
export interface LedgerRetention {
  /**
   * Deletes what is older than these times (ms since the epoch, exclusive), at most `limit` rows of each kind, oldest
   * first: outcomes of refused async purchases (their count is kept, so that the books still balance) and attempts with
   * them, idempotency keys, operations. A purchase and an operation are as old as their id. What waits for an operator has
   * not ended: its attempts and its key stay. Orders and payments are never deleted.
   */
  prune(before: PruneBefore, limit: number): Promise<Pruned>;
}

export interface PruneBefore {
  readonly outcomes: number;
  readonly keys: number;
  readonly operations: number;
}

/** Rows deleted of each kind. */
export interface Pruned {
  readonly outcomes: number;
  readonly keys: number;
  readonly operations: number;
}
