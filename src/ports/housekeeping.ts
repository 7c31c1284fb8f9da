import type { AuditEntry, StoredAuditEntry } from '../domain/audit-entry.ts';

/** The service's own records beside products and orders. A part of the Ledger, with its promises. */
export interface Housekeeping {
  /**
   * Records an operation that changed something outside the ledger. Operators' steps in the ledger record themselves, in
   * their own commit.
   */
  log(entry: AuditEntry): Promise<void>;

  /** What operators did, newest first; `before` is the id of the last one read. */
  auditLog(limit: number, before: string | null): Promise<StoredAuditEntry[]>;

  /**
   * True while `owner` leads the job: takes the lease when it is free or expired by the ledger's clock, renews it when
   * the owner has it. So one process at a time does a job that need not be done twice; nothing may depend on it.
   */
  holdLead(job: string, owner: string, forMs: number): Promise<boolean>;

  /** Releases the lease before its time; does nothing when another owner has it. */
  leaveLead(job: string, owner: string): Promise<void>;

  /** Secret of `bytes` bytes with this name, made at first use and shared by every instance on the same ledger. */
  secret(name: string, bytes: number): Promise<Uint8Array>;

  /** Sets down a fact that every instance should know, in place of the one of this name; at most some kilobytes. */
  setNote(name: string, value: string): Promise<void>;

  /** The note of this name with its age by the ledger's clock; null where there is none. */
  note(name: string): Promise<Note | null>;

  /**
   * Deletes what is older than these times (ms since the epoch, exclusive), at most `limit` rows of each kind, oldest
   * first: outcomes of refused async purchases (their count is kept, so that the books still balance) and attempts with
   * them, idempotency keys, audit entries. A purchase and an entry are as old as their id. What waits for an operator has
   * not ended: its attempts and its key stay. Orders and payments are never deleted. Ids of events that the payment company told of
   * go after `EVENTS_KEPT_MS`.
   */
  prune(before: PruneBefore, limit: number): Promise<Pruned>;
}

export interface Note {
  readonly value: string;
  readonly ageMs: number;
}

/** Companies repeat an event for days, and people for a month; one that comes later still is looked into once more. */
export const EVENTS_KEPT_MS = 40 * 24 * 3_600_000;

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
