import type { AuditEntry } from '../domain/audit-entry.ts';
import type { Order } from '../domain/order.ts';
import type { Changes } from './changes.ts';
import type { ProviderEvent, Trouble } from './provider.ts';

/**
 * The steps of an order after its decision: charged, expired, cancelled, refunded, paid late. A part of the Ledger,
 * with the same promises: each method is one atomic step, and the same call again finds out its result.
 *
 * Money is kept per charge attempt (`payments`): pending, captured, declined, failed, cancelled, refunding, refunded. An
 * order keeps at most one capture; any other is refunded.
 */
export interface Payments {
  /**
   * Takes the charge lease of orders: `reserved → charging`, only while the hold runs, one attempt more. Also
   * takes over the attempt of orders in `charging` whose lease has ended. Orders that cannot be leased are left out, and with
   * `hidden` those of other than hidden products, unless they are taken over: where buyers pay, an attempt is begun by its buyer.
   */
  lease(orderIds: readonly string[], leaseMs: number, begins?: Begins): Promise<LeasedOrder[]>;

  /**
   * Ends the lease of an attempt before its time, so that it can be taken over at once. Changes nothing when the attempt is over.
   * Whoever had the lease may go on: calls of the provider are safe to be made twice.
   */
  endLease(orderId: string, attempt: number): Promise<void>;

  /** Sets down the provider's id of a pending attempt. */
  noteProviderId(orderId: string, attempt: number, providerId: string): Promise<void>;

  /**
   * Takes an event of the provider, once: its id is written in the same commit in which the lease of a charge that it names ends.
   * `again`: it was taken before. `charge`: the order is to be leased now. `look`: it waits in `openEvents`. `known`: the ledger
   * has what it can tell.
   */
  takeEvent(event: ProviderEvent, charge: ChargeName | null): Promise<'again' | 'charge' | 'look' | 'known'>;

  /** Events that were not looked into yet, oldest first. */
  openEvents(limit: number): Promise<ProviderEvent[]>;

  /**
   * Notes that an event was looked into and, in the same commit, the trouble that was found with a captured payment. The newest state
   * counts, and a dispute that ended stays so. Trouble of a charge that the ledger never began is left out.
   */
  closeEvent(eventId: string, found: (ChargeName & { readonly trouble: Trouble }) | null): Promise<void>;

  /** Payments with trouble that nobody has ended: open disputes and failed refunds. */
  openTroubles(): Promise<OpenTroubles>;

  /**
   * Records the results of charges. `captured`, `declined` and `give_up` are final for the attempt's key, whichever lease
   * reports them. An `attempt_failed` from any lease but the current one is ignored: the others may have sent the same
   * attempt, and a new attempt beside theirs would charge twice.
   *
   * For an attempt that is over already every result but `captured` is ignored; a capture is money, and is treated as by
   * `captureLate`, after the others of the batch.
   */
  settle(results: readonly ChargeResult[]): Promise<Changes>;

  /** Expires at most `limit` `reserved` orders whose hold has run out, oldest first, and releases their units. */
  expireOverdue(limit: number): Promise<Changes>;

  /** Orders whose charge message may have been lost: `reserved` with a running hold since before `olderThanMs` ago,
   *  or `charging` with an ended lease. Oldest first. With `hidden` the former of hidden products alone. */
  unsettled(olderThanMs: number, limit: number, begins?: Begins): Promise<string[]>;

  /**
   * `reserved → cancelled`, units released. A cancelled order answers `done` again; another customer's order counts as
   * none.
   */
  cancel(orderId: string, by: Canceller): Promise<OrderStepResult>;

  /**
   * `paid → refunding`; its capture is to be refunded from then on. An order that is refunding or refunded answers `done`
   * again.
   */
  refund(orderId: string, entry: AuditEntry): Promise<OrderStepResult>;

  /**
   * Records captures that the provider reported unasked, perhaps long after the attempt was over. Each capture counts once,
   * however often it is reported. By the order's state:
   *
   *   charging, this attempt     paid, as from a charge
   *   reserved                   paid: the hold still runs, an earlier attempt was thought to have failed
   *   expired, units left        paid: its units are taken again (in the generation that sold it, within the customer's limit)
   *   expired, none left         returning: the money is refunded
   *   cancelled, declined        returning
   *   anything else              the order stays as it is; this second capture is refunded
   *
   * Captures of attempts that the ledger never began are ignored. `settle` treats captures of attempts that are over in
   * the same way.
   */
  captureLate(captures: readonly LateCapture[]): Promise<Changes>;

  /**
   * Refunds that are due, untried ones first, then the oldest; each is due again after `againAfterMs` unless it is
   * settled before. `tries` includes this one. Two processes never get the same refund within that time.
   */
  leaseRefunds(limit: number, againAfterMs: number): Promise<LeasedRefund[]>;

  /**
   * Records refunds that the provider carried out: the capture is `refunded`. With the last pending one an order in
   * `refunding` releases its units and is `refunded`, one in `returning` is `refunded`. A second report of the same refund
   * changes nothing.
   */
  settleRefunds(refunds: readonly ChargeName[]): Promise<Changes>;

  /** Pending refunds: their number, the amount by currency, and the time of the oldest. */
  refundsDue(): Promise<RefundsDue>;
}

/** Whose attempts the server begins by itself; by default everybody's. */
export type Begins = 'all' | 'hidden';

/** A charge: an order and the number of its attempt. */
export interface ChargeName {
  readonly orderId: string;
  readonly attempt: number;
}

export interface OpenTroubles {
  readonly disputes: number;
  readonly failedRefunds: number;
}

export interface LeasedOrder {
  readonly order: Order;
  /** Number of this attempt, from 1; the provider's idempotency key is made of the order id and this. */
  readonly attempt: number;
  /** How often this attempt was leased, this time included. Above 1 the provider may know it already. */
  readonly leases: number;
  /** False for an attempt taken over after its hold ran out: it must be cancelled at the provider, not charged. */
  readonly holdRuns: boolean;
  /** The provider's id of the attempt, once it is known. */
  readonly providerId: string | null;
  /** When the attempt began (ms since the epoch, the ledger's clock). */
  readonly beganAt: number;
}

export interface ChargeResult extends ChargeName {
  /** `leases` of the lease that called the provider. */
  readonly leases: number;
  readonly result:
    | { readonly type: 'captured'; readonly providerId: string }
    | { readonly type: 'declined'; readonly reason: string }
    /** This lease's call surely charged nothing; the order may be tried again while its hold runs. */
    | { readonly type: 'attempt_failed'; readonly reason: string }
    /** The provider confirmed the cancellation of an attempt whose outcome was unknown for too long. */
    | { readonly type: 'give_up'; readonly reason: string };
}

/** Who cancels: the order's customer (null: anonymous), or an operator, who gives a reason and may cancel any order. */
export interface Canceller {
  readonly customer?: string | null;
  readonly entry?: AuditEntry;
}

export type OrderStepResult =
  /** `changes` is empty when the order had taken the step before. */
  | { readonly kind: 'done'; readonly order: Order; readonly changes: Changes }
  /** The step does not apply to the order's status. */
  | { readonly kind: 'refused'; readonly order: Order }
  | { readonly kind: 'unknown_order' };

export interface LateCapture extends ChargeName {
  readonly providerId: string;
}

export interface LeasedRefund extends ChargeName {
  /** The capture's id at the provider. */
  readonly providerId: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly tries: number;
}

export interface RefundsDue {
  readonly count: number;
  readonly amounts: readonly { readonly currency: string; readonly amountMinor: number }[];
  /** Ms since the epoch; null when there is none. */
  readonly oldestAt: number | null;
}
