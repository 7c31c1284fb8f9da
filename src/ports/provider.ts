/**
 * The payment company. Each call names what it is about by an idempotency key (of a charge: order id and attempt number), so
 * the same call made twice charges, or gives back, once.
 *
 * Calls reject with AppError `unavailable` when the provider surely did nothing (refused connection, 5xx before
 * the charge) and with `outcome_unknown` when it may have done it (timeout, cut connection). An unknown is asked again
 * with the same key, never with a new one.
 */
export interface PaymentProvider {
  /** Captures the amount, or says that it was declined for good. */
  charge(request: ChargeRequest): Promise<ChargeAnswer>;

  /**
   * Makes sure that the charge with this key will never capture. Answers `captured` when it is too late for that. (Companies
   * err: `onCapture` may tell of a capture all the same.)
   */
  cancel(key: string): Promise<{ readonly type: 'cancelled' } | Captured>;

  /** Gives a capture back, all of it. One that rejects is asked for again, for days if need be. */
  refund(request: RefundRequest): Promise<Refunded>;

  /**
   * Listens to captures that the company tells of by itself, perhaps long after the attempt was over, perhaps of one that
   * `charge` has answered. Each is told at least once, again and again until the listener's promise resolves, and may be told
   * after that. There is one listener; who stops it calls the returned function.
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
  /** Key of the charge that is given back. */
  readonly chargeKey: string;
  /** The capture's id at the provider. */
  readonly providerId: string;
  readonly orderId: string;
  /** What was captured. */
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
