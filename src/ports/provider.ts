/**
 * The payment company. Each call has an idempotency key (of a charge: order id and attempt number), so the same call made
 * twice charges, or refunds, once.
 *
 * Calls reject with AppError `unavailable` when the provider surely did nothing (refused connection, 5xx before
 * the charge) and with `outcome_unknown` when it may have done it (timeout, cut connection). An unknown call is retried
 * with the same key, never with a new one.
 */
export interface PaymentProvider {
  /** Captures the amount, or answers that it was finally declined. */
  charge(request: ChargeRequest): Promise<ChargeAnswer>;

  /**
   * Makes sure that the charge with this key will never capture. Answers `captured` when it is too late for that. (Companies
   * err: `onCapture` may report a capture all the same.)
   */
  cancel(key: string): Promise<{ readonly type: 'cancelled' } | Captured>;

  /** Refunds a whole capture. A refund that rejects is retried, for days if need be. */
  refund(request: RefundRequest): Promise<Refunded>;

  /**
   * Subscribes to captures that the company reports unasked, perhaps long after the attempt was over, perhaps of one that
   * `charge` has answered. Each is delivered at least once: again until the listener's promise resolves, and perhaps after
   * that. There is one listener; the returned function stops it.
   */
  onCapture(listener: CaptureListener): () => void;

  close(): Promise<void>;
}

export interface ChargeRequest {
  readonly key: string;
  readonly orderId: string;
  /** Whole amount in minor units, at least 1. */
  readonly amountMinor: number;
  /** ISO 4217 code. */
  readonly currency: string;
  readonly customer: string | null;
}

export interface Captured {
  readonly type: 'captured';
  readonly providerId: string;
}

export type ChargeAnswer = Captured | { readonly type: 'declined'; readonly reason: string };

export interface RefundRequest {
  /** The refund's own key. */
  readonly key: string;
  /** Key of the charge that is refunded. */
  readonly chargeKey: string;
  /** The capture's id at the provider. */
  readonly providerId: string;
  readonly orderId: string;
  /** The captured amount. */
  readonly amountMinor: number;
  readonly currency: string;
}

export interface Refunded {
  readonly type: 'refunded';
  readonly refundId: string;
}

export interface CaptureNotice {
  /** Key of the charge. */
  readonly key: string;
  readonly providerId: string;
}

export type CaptureListener = (capture: CaptureNotice) => Promise<void>;
