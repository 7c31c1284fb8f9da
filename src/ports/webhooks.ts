import type { AuditEntry } from '../domain/audit-entry.ts';
import type { Order, OrderStatus } from '../domain/order.ts';

/**
 * What shops are told of orders. A part of the Ledger, with its promises.
 *
 * While there are targets, each order that is made, and each that comes to a status which is an end or a step of its money,
 * writes an event for every target, in the very commit that makes or moves it. `reserved` after a failed charge and `charging`
 * are no events. Without targets nothing is written. An event stays until it is delivered, or dead and pruned.
 */
export interface WebhookEvents {
  /**
   * Makes these the targets, from its commit on. What a target that is no longer among them has not heard is dead. One that
   * was there before stays as it is, disabled too.
   */
  setWebhookTargets(targets: readonly WebhookTarget[]): Promise<void>;

  /** The targets, by id. */
  webhookTargets(): Promise<StoredWebhookTarget[]>;

  /** What waits and what is dead, by target, of targets that are no longer configured, too. Counts rows. */
  webhookBacklog(): Promise<WebhookBacklog[]>;

  /** Events due for this target, the longest due first: of each order only its earliest that is neither delivered nor dead. */
  dueWebhooks(targetId: string, limit: number): Promise<DueWebhook[]>;

  /** Records what became of deliveries. What is known about an event already is not changed by a later word on it. */
  recordWebhooks(results: readonly WebhookResult[]): Promise<void>;

  /** Dead events, the oldest first, after this number; of one target or of all. */
  deadWebhooks(targetId: string | null, after: number, limit: number): Promise<DeadWebhook[]>;

  /**
   * Makes dead events due again, as if they had never been tried: those of these numbers, of one target, or of all; at most
   * `limit`, oldest first. Those of a target that is no longer configured stay dead. Answers how many, and logs it with the
   * entry.
   */
  replayWebhooks(choice: WebhookChoice, limit: number, entry: AuditEntry): Promise<number>;

  /** Enables a target, and makes all that waits for it due now. False where there is none. */
  enableWebhookTarget(targetId: string, entry: AuditEntry): Promise<boolean>;

  /**
   * Deletes what died before this time, and ends what disabled targets have not heard for longer than `waitingMs`; at most
   * `limit` of each. Answers how many were deleted.
   */
  pruneWebhooks(deadBefore: number, waitingMs: number, limit: number): Promise<number>;
}

export interface WebhookTarget {
  readonly id: string;
  /** For people: without what may be secret in it. */
  readonly url: string;
}

export interface StoredWebhookTarget extends WebhookTarget {
  readonly disabledAt: number | null;
  readonly disabledBecause: string | null;
}

export interface WebhookBacklog {
  readonly target: string;
  readonly waiting: number;
  /** Of those, how many were tried in vain. */
  readonly retrying: number;
  /** Time of the oldest event that waits. */
  readonly oldestAt: number | null;
  readonly dead: number;
}

export interface DueWebhook {
  /** Rises with each event of an order; never used again. */
  readonly seq: number;
  /** The order with status and time as of the event. */
  readonly order: Order;
  /** Tries in vain so far. */
  readonly tries: number;
}

export type WebhookResult =
  | { readonly type: 'delivered'; readonly seq: number }
  /** Due again after this time, and with it what else its order has for its target. */
  | { readonly type: 'failed'; readonly seq: number; readonly cause: string; readonly againAfterMs: number }
  | { readonly type: 'dead'; readonly seq: number; readonly cause: string }
  /** The target wants no more; it is disabled, and the event waits. */
  | { readonly type: 'gone'; readonly seq: number; readonly targetId: string; readonly cause: string };

export interface DeadWebhook {
  readonly seq: number;
  readonly target: string;
  readonly orderId: string;
  readonly status: OrderStatus;
  readonly at: number;
  readonly tries: number;
  readonly cause: string;
  readonly deadAt: number;
}

export interface WebhookChoice {
  readonly targetId: string | null;
  readonly seqs: readonly number[] | null;
}
