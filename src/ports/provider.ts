/**
 * The payment company. Each call has an idempotency key (of a charge: order id and attempt number), so the same call made
 * twice charges, or refunds, once.
 *
 * Calls reject with AppError `unavailable` when the provider surely did nothing (refused connection, 5xx before
 * the charge) and with `outcome_unknown` when it may have done it (timeout, cut connection). An unknown call is retried
 * with the same key, never with a new one.
 */
export interface PaymentProvider {
  /**
   * Captures the amount, or answers that it was finally declined. Where buyers pay: captures what the buyer has authorised, or answers
   * `waiting` while the buyer has not.
   */
  charge(request: ChargeRequest): Promise<ChargeAnswer>;

  /**
   * Makes sure that this charge will never capture. Answers `captured` when it is too late for that. (Companies err: `onCapture`, or an
   * event, may report a capture all the same.)
   */
  cancel(request: ChargeRequest): Promise<{ readonly type: 'cancelled' } | Captured>;

  /** Refunds a whole capture. A refund that rejects is retried, for days if need be. */
  refund(request: RefundRequest): Promise<Refunded>;

  /**
   * Subscribes to captures that the company reports unasked, perhaps long after the attempt was over, perhaps of one that
   * `charge` has answered. Each is delivered at least once: again until the listener's promise resolves, and perhaps after
   * that. There is one listener; the returned function stops it.
   */
  onCapture(listener: CaptureListener): () => void;

  /** How buyers pay at the company themselves; null: the server charges every order. */
  readonly buyerPays: BuyerPayments | null;

  close(): Promise<void>;
}

/** A company at which the buyer authorises a payment, which the server then captures by `charge`. */
export interface BuyerPayments {
  /** For the page on which the buyer pays. */
  readonly publishableKey: string;

  /** Why the company cannot take this price (minor units of the ISO currency); null when it can. */
  refusal(priceMinor: number, currency: string): string | null;

  /**
   * The payment of this charge, made at the first call: the same one for every call with the key. With a confirmation it is
   * confirmed by that. A declined confirmation leaves the payment open for another one.
   */
  open(request: ChargeRequest, confirmation: Confirmation | null): Promise<OpenedPayment>;

  /** Reads an event of the company; null: its signature is not the company's, or too old. */
  readEvent(body: string, signature: string): Promise<ProviderEvent | null>;

  /** What there is to be said of an event's subject now, by the company's books: an event is a hint, and may come late. */
  lookInto(event: ProviderEvent): Promise<EventFinding>;

  /** Events since `fromMs` (ms since the epoch) of disputes and failed refunds, of which no look at a payment tells. */
  eventsSince(fromMs: number): AsyncIterable<ProviderEvent>;

  /** Every payment that was begun from `fromMs` until before `toMs` (ms since the epoch), as the company has it now. */
  payments(fromMs: number, toMs: number): AsyncIterable<ProviderPayment>;
}

/** What the buyer's page has collected (`token`), or a means of paying that was saved and is charged without the buyer. */
export type Confirmation = (
  | { readonly type: 'token'; readonly token: string }
  | { readonly type: 'saved'; readonly paymentMethod: string; readonly customer: string | null }
) & {
  /** Where the buyer comes back from a page of the bank. */
  readonly returnUrl: string | null;
};

/**
 * `open`: the buyer has to pay; `action`: the buyer has to prove something first; `processing`: the company works on it;
 * `authorised`: the money is set aside, to be captured; `captured`; `cancelled`.
 */
export const OPENED_STATUSES = [
  'open',
  'action',
  'processing',
  'authorised',
  'captured',
  'cancelled',
] as const;

export interface OpenedPayment {
  readonly providerId: string;
  /** With it the buyer's page pays. For nobody else, and in no log. */
  readonly clientSecret: string;
  readonly status: (typeof OPENED_STATUSES)[number];
  /** Why the last confirmation was declined, for the buyer. */
  readonly declined: string | null;
}

export interface ProviderEvent {
  readonly id: string;
  readonly subject: 'payment' | 'dispute' | 'refund' | 'other';
  /** Of the subject, at the company. */
  readonly subjectId: string;
  /** Key of the charge, where the event names it. */
  readonly key: string | null;
}

export type EventFinding =
  /** The charge as far as it is known; it may be over for us. */
  | { readonly type: 'payment'; readonly key: string; readonly providerId: string }
  | { readonly type: 'trouble'; readonly key: string; readonly trouble: Trouble }
  | { readonly type: 'nothing' };

/** What came over a captured payment later. */
export interface Trouble {
  readonly kind: 'dispute' | 'refund';
  /** Of a dispute open, won or lost; of a refund: failed. */
  readonly state: 'open' | 'won' | 'lost' | 'failed';
  /** Of the dispute or the refund, at the company. */
  readonly providerId: string;
}

export interface ProviderPayment {
  readonly key: string;
  readonly providerId: string;
  /** In minor units of the ISO currency. */
  readonly amountMinor: number;
  readonly currency: string;
  readonly status: OpenedPayment['status'];
  /** What went back, or is on its way back. */
  readonly refundedMinor: number;
  readonly isDisputed: boolean;
  /** When it was made (ms since the epoch; the company may know seconds alone). */
  readonly createdAt: number;
}

export interface ChargeRequest {
  readonly key: string;
  readonly orderId: string;
  /** Whole amount in minor units, at least 1. */
  readonly amountMinor: number;
  /** ISO 4217 code. */
  readonly currency: string;
  readonly customer: string | null;
  /** What the ledger has of the charge; absent for one that has just begun. */
  readonly begun?: {
    /** The company's id of it, once that is known. */
    readonly providerId: string | null;
    /** When it began (ms since the epoch). */
    readonly atMs: number;
  };
}

export interface Captured {
  readonly type: 'captured';
  readonly providerId: string;
}

export type ChargeAnswer =
  | Captured
  | { readonly type: 'declined'; readonly reason: string }
  | { readonly type: 'waiting'; readonly providerId: string };

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
