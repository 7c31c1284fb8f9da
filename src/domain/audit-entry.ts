/**
 * An entry of the audit log: what an operator, or the service by itself, does to a sale or a purchase, by whom and why. The
 * caller decides who may act.
 */
export interface AuditEntry {
  /** UUID of version 7, made by the caller: the same entry asked for again is carried out and written down once. */
  readonly id: string;
  /** Who acts, as they say: 1–64 characters; `system` for what the service does by itself. */
  readonly actor: string;
  readonly action: AuditAction;
  /** What it is done to, like `product/3`, `order/<id>` or `queue/purchases`. */
  readonly subject: string;
  /** Why, in the operator's words: 1–500 characters, or null where the call has no place for one. */
  readonly reason: string | null;
  /** What else tells what was done: numbers, changed fields. No personal data. */
  readonly details: Readonly<Record<string, unknown>>;
  /** The caller's own key: with it the entry is carried out once, however often it is asked for. */
  readonly key?: AuditKey | null;
}

export interface AuditKey {
  /** The key as it was sent, with the call that it belongs to. */
  readonly value: string;
  /** What was asked for; the same key with another fingerprint is a mistake of the caller. */
  readonly fingerprint: string;
}

/** An operation that was done, as one that may be the same again sees it. */
export interface EarlierEntry {
  readonly id: string;
  readonly subject: string;
  readonly fingerprint: string | null;
}

/** Whether an operation found by the id or the key of this one is this one; otherwise its key was used for something else. */
export function isSameEntry(earlier: EarlierEntry, { id, key }: AuditEntry): boolean {
  return earlier.id === id || earlier.fingerprint === key?.fingerprint;
}

export interface StoredAuditEntry extends Omit<AuditEntry, 'key'> {
  /** When it was done (ms since the epoch, the ledger's clock). */
  readonly at: number;
}

export const AUDIT_ACTIONS = [
  'product.create',
  'product.change',
  'product.remove',
  'units.add',
  'sale.pause',
  'sale.resume',
  'sale.drain',
  'stock.reset',
  'stock.init',
  'order.cancel',
  'order.refund',
  'order.charge',
  'dead-letters.replay',
  'dead-letters.discard',
  'audit.run',
  'rush.start',
  'rush.stop',
  'webhooks.replay',
  'webhooks.enable',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];
