import type { PaymentAttempt } from './queries.ts';

/** Everything the audit needs to know, read from one snapshot of the ledger. Nothing in it is computed by the code that
 *  moves the counters: sums come from the orders themselves. */
export interface Books {
  readonly products: readonly ProductBooks[];
  readonly generations: readonly GenerationBooks[];
  /** By currency; empty while nothing was captured. */
  readonly money: readonly MoneyBooks[];
  readonly totals: {
    readonly orders: number;
    readonly asyncOrders: number;
    /** Outcomes that are still kept. */
    readonly asyncRefused: number;
    /** Outcomes pruned after their retention. */
    readonly asyncPruned: number;
    /** The ledger's own counter of async decisions. */
    readonly asyncDecided: number;
    /** Items in the purchases queue where it is stored with the ledger, else null. */
    readonly purchasesWaiting: number | null;
  };
  /** Rows that must not exist, by what is wrong with them. */
  readonly breaches: Readonly<Record<BreachName, Breach>>;
}

export interface ProductBooks {
  readonly id: number;
  readonly total: number;
  readonly reserved: number;
  readonly sold: number;
  readonly generation: number;
  /** Σ quantity of its orders in reserved and charging. */
  readonly ordersReserved: number;
  /** Σ quantity of its orders in paid and refunding. */
  readonly ordersSold: number;
}

export interface GenerationBooks {
  readonly productId: number;
  readonly generation: number;
  /** Units the generation was opened with. */
  readonly units: number;
  /** Σ quantity of its orders that hold units, reserved or sold. */
  readonly live: number;
}

/** In minor units, exact: a thousand orders at the limits are more than a number, or 64 bits, can hold. */
export interface MoneyBooks {
  readonly currency: string;
  /** Σ of all captures. */
  readonly captured: bigint;
  /** Σ of completed refunds. */
  readonly refunded: bigint;
  /** Σ of pending refunds. */
  readonly onItsWayBack: bigint;
  /** Σ quantity × price of the orders in paid. */
  readonly paid: bigint;
}

export interface Breach {
  readonly count: number;
  /** Ids of the first few. */
  readonly examples: readonly string[];
}

export const BREACH_NAMES = [
  'holdsOverLimit',
  'holdingsUnlikeOrders',
  'overdueHolds',
  'ordersDecidedTwice',
  'keysWithoutPurchase',
  'paidWithoutCapture',
  'capturedWithoutPaid',
  'capturedTwice',
  'refundingWithoutRefund',
  'refundedWithoutRefund',
  'wrongAmount',
  'repeatedNumbers',
  'ordersOfNoProduct',
] as const;
export type BreachName = (typeof BREACH_NAMES)[number];

export interface BookedPayment extends Omit<PaymentAttempt, 'reason' | 'updatedAt'> {
  readonly orderId: string;
}

export interface BooksReader {
  read(): Promise<Books>;
  /** Payments of which the attempt began in a span of time (ms since the epoch, its end not included), but for rehearsals. */
  payments(fromMs: number, toMs: number): Promise<BookedPayment[]>;
  /** The customers with orders of a product, in any status; one entry per order. */
  customersOf(productId: number): Promise<string[]>;
}
