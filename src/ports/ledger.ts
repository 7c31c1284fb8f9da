import type { Decisions } from './decisions.ts';
import type { History } from './history.ts';
import type { Housekeeping } from './housekeeping.ts';
import type { Payments } from './payments.ts';
import type { Products } from './products.ts';
import type { Queries } from './queries.ts';
import type { WebhookEvents } from './webhooks.ts';

/**
 * The durable truth: products, orders, holdings, payments, keys and outcomes. Only the ledger sells.
 *
 * Every method is one atomic step: it is committed to disk when its promise resolves, and left no trace when it
 * rejects with AppError `unavailable`. It may also reject with `outcome_unknown` (the connection was cut during the
 * commit); then a retry with the same ids finds out, because every method is idempotent by its ids. A write that
 * changes products or orders, or decides purchases, returns its `Changes`.
 *
 * `reserved ≥ 0`, `sold ≥ 0` and `reserved + sold ≤ total` are constraints of the store itself. They should never
 * fire; when one does, that is a bug of ours and the step fails as a whole.
 *
 * One adapter implements all of it, because one commit reaches across its parts. A use case asks for the parts it needs.
 */
export interface Ledger extends Decisions, Payments, Products, Queries, Housekeeping, History, WebhookEvents {
  /** Probes with a write to the disk: resolves when purchases can be written, rejects with `unavailable` otherwise. */
  ping(): Promise<void>;

  close(): Promise<void>;
}
