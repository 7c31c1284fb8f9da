/**
 * The payment company. Each call names the charge by an idempotency key (order id and attempt number), so the same
 * call made twice charges once.
 *
 * `charge` rejects with AppError `unavailable` when the provider surely did nothing (refused connection, 5xx before
 * the charge) and with `outcome_unknown` when it may have charged (timeout, cut connection). An unknown is asked again
 * with the same key, never with a new one.
 */
export interface PaymentProvider {
  /** Captures the amount, or says that it was declined for good. */
  charge(request: ChargeRequest): Promise<ChargeAnswer>;

  /**
   * Makes sure that the charge with this key will never capture. Answers `captured` when it is too late for that.
   * Rejects like `charge`.
   */
  cancel(key: string): Promise<{ readonly type: 'cancelled' } | Captured>;

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
