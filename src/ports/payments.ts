import type { AuditEntry } from '../domain/audit-entry.ts';
import type { Order } from '../domain/order.ts';
import type { Changes } from './changes.ts';

/**
 * The steps of an order after its decision: charged, expired, cancelled, refunded, paid when it was too late. A part of the
 * Ledger, with the same promises: each method is one atomic step, and the same call again finds out what became of it.
 *
 * Money is kept per charge attempt (`payments`): pending, captured, declined, failed, cancelled, refunding, refunded. An
 * order keeps at most one capture; any other is on its way back.
 */
export interface Payments {
  /**
   * Takes the charge lease of orders: `reserved → charging`, only while the hold runs, one attempt more. Also
   * takes over the attempt of orders in `charging` whose lease has ended. Orders it cannot take are left out.
   */
  lease(orderIds: readonly string[], leaseMs: number): Promise<LeasedOrder[]>;

  /**
   * Records what became of charges. `captured`, `declined` and `give_up` are the provider's last word on the attempt's key,
   * whichever lease brings them. An `attempt_failed` from any lease but the current one is ignored: the others may have asked
   * for the same attempt, and a new attempt beside theirs would charge twice.
   *
   * Of an attempt that is over already every result is ignored but `captured`, because that is money: it is treated like
   * one given to `captureLate`, after the others of the batch.
   */
  settle(results: readonly ChargeResult[]): Promise<Changes>;

  /** Expires at most `limit` `reserved` orders whose hold has run out, oldest first, and gives their units back. */
  expireOverdue(limit: number): Promise<Changes>;

  /** Orders a charge message may have been lost for: `reserved` with a running hold since before `olderThanMs` ago,
   *  or `charging` with an ended lease. Oldest first. */
  unsettled(olderThanMs: number, limit: number): Promise<string[]>;

  /**
   * `reserved → cancelled`, units back. An order that is cancelled already answers `done` again; one of another customer
   * counts as none.
   */
  cancel(orderId: string, by: Canceller): Promise<Ended>;

  /**
   * `paid → refunding`; its capture is on its way back from then on. An order that is refunding or refunded already answers
   * `done` again.
   */
  refund(orderId: string, entry: AuditEntry): Promise<Ended>;

  /**
   * Takes captures that the provider reported by itself, perhaps long after the attempt was over. Each capture counts once,
   * however often it is reported. By what became of its order meanwhile:
   *
   *   charging, this attempt     paid, as if asked for
   *   reserved                   paid: the hold still runs, an earlier attempt was thought to have failed
   *   expired, units left        paid: its units are taken again (in the generation that sold it, within the customer's limit)
   *   expired, none left         returning: the money goes back
   *   cancelled, declined        returning
   *   anything else              the order stays as it is; this second capture goes back
   *
   * Ignored are captures of attempts that the ledger never began. `settle` treats captures of attempts that are over in the
   * same way.
   */
  captureLate(captures: readonly LateCapture[]): Promise<Changes>;

  /**
   * Refunds that are due, those first that were never tried, the oldest first; each is due again after `againAfterMs` unless
   * it is settled before. `tries` counts this one. Two processes never get the same one within that time.
   */
  leaseRefunds(limit: number, againAfterMs: number): Promise<LeasedRefund[]>;

  /**
   * Records refunds that the provider carried out: the capture is `refunded`. With the last that was on its way back an
   * order in `refunding` gives its units back and is `refunded`, one in `returning` is `refunded`. A second report of the
   * same refund changes nothing.
   */
  settleRefunds(refunds: readonly SettledRefund[]): Promise<Changes>;

  /** Money on its way back that has not arrived: how many, how much by currency, and since when the oldest one. */
  refundsDue(): Promise<RefundsDue>;
}

export interface LeasedOrder {
  readonly order: Order;
  /** Number of this attempt, from 1; the provider's idempotency key is made of the order id and this. */
  readonly attempt: number;
  /** How often this attempt was leased, this time included. Above 1 the provider may have heard of it already. */
  readonly leases: number;
  /** False for an attempt taken over after its hold ran out: it must be cancelled at the provider, not charged. */
  readonly holdRuns: boolean;
}

export interface ChargeResult {
  readonly orderId: string;
  readonly attempt: number;
  /** `leases` of the lease that asked. */
  readonly leases: number;
  readonly result:
    | { readonly type: 'captured'; readonly providerId: string }
    | { readonly type: 'declined'; readonly reason: string }
    /** This lease's ask surely charged nothing; the order may be tried again while its hold runs. */
    | { readonly type: 'attempt_failed'; readonly reason: string }
    /** The provider confirmed the cancellation of an attempt whose outcome was unknown for too long. */
    | { readonly type: 'give_up'; readonly reason: string };
}

/** Who cancels: the customer of the order (null: anonymous), or an operator, who says why and may cancel any order. */
export interface Canceller {
  readonly customer?: string | null;
  readonly entry?: AuditEntry;
}

export type Ended =
  /** `changes` are none where the order had taken the step before. */
  | { readonly kind: 'done'; readonly order: Order; readonly changes: Changes }
  /** The order is in a status that this step does not apply to. */
  | { readonly kind: 'refused'; readonly order: Order }
  | { readonly kind: 'unknown_order' };

export interface LateCapture {
  readonly orderId: string;
  readonly attempt: number;
  readonly providerId: string;
}

export interface LeasedRefund {
  readonly orderId: string;
  readonly attempt: number;
  /** The capture's id at the provider. */
  readonly providerId: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly tries: number;
}

export interface SettledRefund {
  readonly orderId: string;
  readonly attempt: number;
}

export interface RefundsDue {
  readonly count: number;
  readonly amounts: readonly { readonly currency: string; readonly amountMinor: number }[];
  /** Ms since the epoch; null when there is none. */
  readonly oldestAt: number | null;
}
