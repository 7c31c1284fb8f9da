import type { AuditEntry, StoredAuditEntry } from '../domain/audit-entry.ts';

/** What the service keeps for itself beside products and orders. A part of the Ledger, with its promises. */
export interface Housekeeping {
  /**
   * Writes down what an operator did elsewhere than in the ledger. Steps of the ledger that operators ask for write it down
   * themselves, in their own commit.
   */
  log(entry: AuditEntry): Promise<void>;

  /** What operators did, newest first; `before` is the id of the last one read. */
  auditLog(limit: number, before: string | null): Promise<StoredAuditEntry[]>;

  /**
   * True while `owner` leads the job: takes the lease when nobody has it or its time is over by the ledger's clock, prolongs
   * it when it is the owner's own. So one process at a time does what need not be done twice; nothing may depend on it.
   */
  holdLead(job: string, owner: string, forMs: number): Promise<boolean>;

  /** Gives the lease up before its time; nothing happens when another owner has it. */
  leaveLead(job: string, owner: string): Promise<void>;

  /** Secret of `bytes` bytes with this name, made at first use and shared by every instance on the same ledger. */
  secret(name: string, bytes: number): Promise<Uint8Array>;

  /**
   * Deletes what is older than these times (ms since the epoch, exclusive), at most `limit` rows of each kind, oldest
   * first: outcomes of refused async purchases (their count is kept, so that the books still balance) and attempts with
   * them, idempotency keys, audit entries. A purchase and an entry are as old as their id. What waits for an operator has
   * not ended: its attempts and its key stay. Orders and payments are never deleted.
   */
  prune(before: PruneBefore, limit: number): Promise<Pruned>;
}

export interface PruneBefore {
  readonly outcomes: number;
  readonly keys: number;
  readonly auditEntries: number;
}

/** Rows deleted of each kind. */
export interface Pruned {
  readonly outcomes: number;
  readonly keys: number;
  readonly auditEntries: number;
}
