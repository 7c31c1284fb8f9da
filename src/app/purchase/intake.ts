import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import type { PurchaseIds } from '../../domain/ids.ts';
import { available, type Product, saleRefusal } from '../../domain/product.ts';
import type { PurchaseKey } from '../../domain/purchase.ts';
import type { TraceContext } from '../../domain/trace-context.ts';
import { within } from '../../lib/within.ts';
import type { Ledger } from '../../ports/ledger.ts';
import { encodePurchases, type QueuedPurchase } from '../../ports/purchase-message.ts';
import type { Queue } from '../../ports/queue.ts';
import type { Tracing } from '../../ports/tracing.ts';
import { createCounter } from './counter.ts';
import { traceMessage } from './purchase-trace.ts';
import type { StockCache } from './stock-cache.ts';

/**
 * Accepts async purchases: an answer means that the queue has durably stored the purchase and that its outcome will be
 * found under the tracking id. Purchases that arrive together are published in one message.
 */
export interface Intake {
  /**
   * Rejects with AppError `overloaded` or `unavailable` (not accepted), or `outcome_unknown` (perhaps accepted; the error is
   * an UnknownAcceptance and has the tracking id). All within `answerWithinMs`. `isGone` is checked before the purchase is
   * published: true when the client has disconnected, and then the purchase is not published.
   */
  accept(request: IntakeRequest, isGone?: () => boolean): Promise<Accepted>;
  /** Resolves once everything taken in has its answer. */
  close(): Promise<void>;
  readonly stats: IntakeStats;
}

export interface IntakeRequest {
  readonly productId: number;
  readonly quantity: number;
  readonly customer: string | null;
  readonly key: PurchaseKey | null;
  readonly expectedPriceMinor: number | null;
  /** Of a sampled request. */
  readonly trace?: TraceContext;
}

export type Accepted =
  | {
      readonly kind: 'accepted';
      readonly trackingId: string;
      readonly acceptedAt: number;
      /** An earlier request with its key was accepted already. */
      readonly isRepeat?: true;
    }
  | { readonly kind: 'mismatch' }
  | { readonly kind: 'unknown_product' };

export interface IntakeStats {
  accepted: number;
  /** Of those, refused at once because nothing was left; the tracking id says so. */
  soldOut: number;
  messages: number;
  /** Purchases not answered yet. */
  inside: number;
}

/** The queue may or may not have stored the purchase. */
export class UnknownAcceptance extends AppError {
  readonly trackingId: string;
  constructor(trackingId: string, cause?: unknown) {
    super('outcome_unknown', 'It is not known yet whether the purchase was accepted.', { cause });
    this.trackingId = trackingId;
  }
}

/** Purchases inside; beyond it the answer is `overloaded`. */
const INSIDE_MAX = 16_384;
/** How often overdue purchases are searched for; an overdue answer is at most this late. */
const OVERDUE_CHECK_MS = 100;
/** Purchases in one message: enough to make a confirm cheap, few enough to be handled again one by one. */
const MESSAGE_ITEMS_MAX = 256;

interface Ticket {
  readonly purchase: QueuedPurchase;
  readonly product: Product;
  readonly acceptedAt: number;
  readonly arrivedAtMs: number;
  /** Its purchase was published before, or may have been. */
  readonly again?: true;
  isGone(): boolean;
  resolve(answer: Accepted): void;
  reject(error: unknown): void;
}

export interface IntakeOptions {
  /** Concurrent publishes of purchases. */
  readonly publishesInFlightMax: number;
  /** The longest time from a purchase's arrival to its answer. */
  readonly answerWithinMs: number;
  readonly tracing?: Tracing | null;
  /** Marks tracking ids for their customers, so that only those read them. */
  readonly marksOwners?: boolean;
}

export function createIntake(
  ledger: Ledger,
  queue: Queue,
  stockCache: StockCache,
  ids: PurchaseIds,
  clock: Clock,
  { publishesInFlightMax, answerWithinMs, tracing = null, marksOwners = false }: IntakeOptions,
): Intake {
  const stats: IntakeStats = { accepted: 0, soldOut: 0, messages: 0, inside: 0 };
  const counter = createCounter(ledger);
  /** Unpublished purchases, and those being published. */
  let arrived: Ticket[] = [];
  const binding = new Set<Ticket[]>();
  const publishing = new Set<Ticket[]>();
  let inFlight = 0;
  let scheduled = false;
  let closing = false;
  let overdueCheck: Timer | undefined;

  /** Fails overdue purchases. A purchase answered "not taken" must not be published later. */
  function answerOverdue(): void {
    const before = performance.now() - answerWithinMs;
    const isOverdue = ({ arrivedAtMs }: Ticket) => arrivedAtMs <= before;
    for (const tickets of publishing) {
      for (const { purchase, reject } of tickets.filter(isOverdue))
        reject(new UnknownAcceptance(purchase.id));
    }
    for (const tickets of [arrived, ...binding]) {
      for (const { reject } of tickets.filter(isOverdue)) reject(tooSlow());
    }
    arrived = arrived.filter((ticket) => !isOverdue(ticket));
    if (stats.inside > 0) return;
    clearInterval(overdueCheck);
    overdueCheck = undefined;
  }

  function schedule(): void {
    if (scheduled || arrived.length === 0 || inFlight >= publishesInFlightMax) return;
    scheduled = true;
    setImmediate(dispatch);
  }

  function dispatch(): void {
    scheduled = false;
    if (arrived.length === 0) return;
    // Like the batcher, and for the same clients: a closed connection is known by now.
    const batch = arrived.splice(0, MESSAGE_ITEMS_MAX).filter((ticket) => {
      const isGone = ticket.isGone();
      if (isGone) ticket.reject(new AppError('unavailable', 'The caller has disconnected.'));
      return !isGone;
    });
    inFlight++;
    take(batch)
      .catch((error) => {
        for (const ticket of batch) ticket.reject(error);
      })
      .finally(() => {
        inFlight--;
        schedule();
      });
    schedule();
  }

  async function take(batch: Ticket[]): Promise<void> {
    const keyed = batch.filter((ticket) => ticket.purchase.key);
    const tickets = keyed.length === 0 ? batch : await bindInTime(batch, keyed);
    if (tickets.length === 0) return;
    publishing.add(tickets);
    const purchases = tickets.map(({ purchase }) => purchase);
    const sent = tracing === null ? null : traceMessage(tracing, purchases, 'send');
    try {
      await queue.publish('purchases', [encodePurchases(sent?.purchases ?? purchases)]);
      sent?.trace.end();
    } catch (error) {
      sent?.trace.fail(error);
      const unknown = error instanceof AppError && error.code === 'outcome_unknown';
      for (const { purchase, reject } of tickets)
        reject(unknown ? new UnknownAcceptance(purchase.id, error) : error);
      return;
    } finally {
      publishing.delete(tickets);
    }
    stats.messages++;
    stats.accepted += tickets.length;
    counter.add({ queued: tickets.filter(({ again }) => !again).length });
    for (const { purchase, acceptedAt, again, resolve } of tickets) {
      const accepted = { kind: 'accepted', trackingId: purchase.id, acceptedAt } as const;
      resolve(again ? { ...accepted, isRepeat: true } : accepted);
    }
  }

  async function bindInTime(batch: Ticket[], keyed: Ticket[]): Promise<Ticket[]> {
    binding.add(batch);
    const tickets = await bindOrRefuse(batch, keyed).finally(() => binding.delete(batch));
    const before = performance.now() - answerWithinMs;
    return tickets.filter(({ arrivedAtMs, reject }) => {
      const isInTime = arrivedAtMs > before;
      // It may be overdue since the last check.
      if (!isInTime) reject(tooSlow());
      return isInTime;
    });
  }

  /** A key that was not bound, or perhaps was, fails only its own purchase: nothing was published yet. */
  async function bindOrRefuse(batch: Ticket[], keyed: Ticket[]): Promise<Ticket[]> {
    try {
      return await bind(batch, keyed);
    } catch (cause) {
      const notTaken = new AppError('unavailable', 'The idempotency key could not be kept.', { cause });
      for (const ticket of keyed) ticket.reject(cause instanceof AppError ? notTaken : cause);
      return batch.filter((ticket) => !ticket.purchase.key);
    }
  }

  /**
   * Binds keys before publishing, so that a retry at any process gets the same tracking id. Returns the tickets that still
   * have to be published: new ones, and known ones that are not decided (their first message may be lost; a second one is
   * harmless).
   */
  async function bind(batch: Ticket[], keyed: Ticket[]): Promise<Ticket[]> {
    const bindings = await ledger.bindKeys(
      keyed.map(({ purchase, acceptedAt }) => ({ key: purchase.key!, purchaseId: purchase.id, acceptedAt })),
    );
    const known = bindings.filter((binding, i) => binding.purchaseId !== keyed[i]!.purchase.id);
    const decided = known.length === 0 ? null : await ledger.find(known.map(({ purchaseId }) => purchaseId));
    const rebound = new Map<Ticket, Ticket | null>();
    bindings.forEach(({ key, purchaseId, acceptedAt }, i) => {
      const ticket = keyed[i]!;
      if (key.fingerprint !== ticket.purchase.key!.fingerprint) {
        ticket.resolve({ kind: 'mismatch' });
        rebound.set(ticket, null);
      } else if (purchaseId !== ticket.purchase.id) {
        const { product, resolve } = ticket;
        if (decided?.has(purchaseId)) {
          resolve({ kind: 'accepted', trackingId: purchaseId, acceptedAt, isRepeat: true });
          rebound.set(ticket, null);
        } else {
          // The window was judged when the key first arrived; the sale may have closed since.
          const refusal = saleRefusal(product, acceptedAt);
          const purchase = { ...ticket.purchase, id: purchaseId, acceptedAt, refusal };
          rebound.set(ticket, { ...ticket, purchase, acceptedAt, again: true });
        }
      }
    });
    return batch.flatMap((ticket) => rebound.get(ticket) ?? (rebound.has(ticket) ? [] : ticket));
  }

  return {
    stats,
    async accept({ productId, quantity, customer, key, expectedPriceMinor, trace }, isGone = () => false) {
      if (closing) throw new AppError('unavailable', 'The service is shutting down.');
      const arrivedAtMs = performance.now();
      const product =
        stockCache.fresh(productId) ?? (await within(stockCache.refresh(productId), answerWithinMs, tooSlow));
      if (!product) return { kind: 'unknown_product' };
      const owner = marksOwners ? customer : undefined;
      const acceptedAt = clock();
      const refusal = saleRefusal(product, acceptedAt);
      // A sell-out's id encodes no other reason, so it is not used for a sale that would refuse for another reason.
      if (available(product) === 0 && refusal === null && !key) {
        const trackingId = ids.mintSoldOut(productId, quantity, owner);
        if (trackingId) {
          stats.accepted++;
          stats.soldOut++;
          counter.add({ decidedByTheId: 1 });
          return { kind: 'accepted', trackingId, acceptedAt };
        }
      }
      if (stats.inside >= INSIDE_MAX) throw new AppError('overloaded', 'Too many purchases at once.');
      stats.inside++;
      const plain: QueuedPurchase = {
        id: ids.mint('async', owner),
        productId,
        quantity,
        customer,
        expectedPriceMinor,
        channel: 'async',
        key,
        acceptedAt,
        refusal,
      };
      const purchase = trace === undefined ? plain : { ...plain, trace };
      try {
        return await new Promise<Accepted>((resolve, reject) => {
          arrived.push({ purchase, product, acceptedAt, arrivedAtMs, isGone, resolve, reject });
          overdueCheck ??= setInterval(answerOverdue, OVERDUE_CHECK_MS);
          schedule();
        });
      } finally {
        stats.inside--;
      }
    },
    async close() {
      closing = true;
      while (stats.inside > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      clearInterval(overdueCheck);
      await counter.close();
    },
  };
}

function tooSlow(): AppError {
  return new AppError('unavailable', 'The purchase could not be taken in time. Nothing was done.');
}
