import type { Operation } from '../domain/operation.ts';
import type { Order, OrderNews } from '../domain/order.ts';
import type { Standing } from './ledger.ts';

/**
 * How orders end other than by their charge or their hold: cancelled, refunded, paid when it was too late. A part of the
 * Ledger, with the same promises: each method is one atomic step, and the same call again finds out what became of it.
 *
 * Money is kept per charge attempt (`payments`): pending, captured, declined, failed, cancelled, refunding, refunded. An
 * order keeps at most one capture; any other is on its way back.
 */
export interface LedgerEndings {
  /**
   * `reserved → cancelled`, units back. `customer` is who asks: an order of somebody else counts as none; undefined asks for
   * an operator, who may cancel anybody's. An order that is cancelled already answers `done` again.
   */
  cancel(
    orderId: string,
    options: { readonly customer?: string | null; readonly operation?: Operation },
  ): Promise<Ended>;

  /**
   * `paid → refunding`; its capture is on its way back from then on. An order that is refunding or refunded already answers
   * `done` again.
   */
  refund(orderId: string, operation: Operation): Promise<Ended>;

  /**
   * Takes captures that the provider told of by itself, perhaps long after the attempt was over. Each capture counts once,
   * however often it is told. By what became of its order meanwhile:
   *
   *   charging, this attempt     paid, as if asked for
   *   reserved                   paid: the hold still runs, an earlier attempt was thought to have failed
   *   expired, units left        paid: its units are taken again (in the round that sold it, within the customer's limit)
   *   expired, none left         returning: the money goes back
   *   cancelled, declined        returning
   *   anything else              the order stays as it is; this second capture goes back
   *
   * Ignored are captures of attempts that the ledger never began. `settle` treats captures of attempts that are over in the
   * same way.
   */
  captureLate(captures: readonly LateCapture[]): Promise<Moved>;

  /**
   * Refunds that are due, those first that were never tried, the oldest first; each is due again after `againAfterMs` unless
   * it is settled before. `tries` counts this one. Two processes never get the same one within that time.
   */
  leaseRefunds(limit: number, againAfterMs: number): Promise<LeasedRefund[]>;

  /**
   * Records refunds that the provider carried out: the capture is `refunded`. With the last that was on its way back an
   * order in `refunding` gives its units back and is `refunded`, one in `returning` is `refunded`. Told again, nothing
   * happens.
   */
  settleRefunds(refunds: readonly SettledRefund[]): Promise<Moved>;

  /** Money on its way back that has not arrived: how many, how much by currency, and since when the oldest one. */
  refundsDue(): Promise<RefundsDue>;
}

export type Ended =
  | { readonly kind: 'done'; readonly order: Order; readonly standings: readonly Standing[] }
  /** The order is in a status that this step does not apply to. */
  | { readonly kind: 'refused'; readonly order: Order }
  | { readonly kind: 'unknown_order' };

export interface Moved {
  readonly standings: readonly Standing[];
  /** Orders whose status changed. */
  readonly orders: readonly OrderNews[];
}

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
