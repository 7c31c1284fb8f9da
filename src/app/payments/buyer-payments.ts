import type { Clock } from '../../domain/clock.ts';
import { AppError, isAppError } from '../../domain/errors.ts';
import { amountMinor, type Order } from '../../domain/order.ts';
import { isHidden } from '../../domain/product.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Log } from '../../lib/log.ts';
import { createPeriodic } from '../../lib/periodic.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { ChargeName, LeasedOrder } from '../../ports/payments.ts';
import type {
  BuyerPayments as BuyerProvider,
  Confirmation,
  OpenedPayment,
  PaymentProvider,
  ProviderEvent,
} from '../../ports/provider.ts';
import { type OrderView, tookMoney } from '../../ports/queries.ts';
import { chargeRequest, readChargeKey } from './call-provider.ts';
import type { ChargeEnqueuer } from './charge-enqueuer.ts';
import { createEventPoll } from './event-poll.ts';
import type { LatePayments } from './late-payments.ts';
import type { PaymentTiming } from './timing.ts';

/**
 * Payments that buyers make at the company themselves. The buyer's first call takes the order's lease, and so begins the attempt; every
 * lease after that looks whether the buyer has paid (call-provider.ts), and captures what is authorised while the order holds its
 * units. An event, or the buyer's next call, ends a lease so that this look is not waited for.
 */
export interface BuyerPayments extends Pick<BuyerProvider, 'publishableKey' | 'refusal'> {
  /**
   * The payment of an order, made at the first call. Rejects like the provider. `refused`: the order is in another status, or its
   * hold has run out; `by_the_server`: a hidden product's.
   */
  open(view: OrderView, confirmation: Confirmation | null): Promise<Opening>;

  /** Ends the payment of an order that is charging, which is `reserved` again then; false when that cannot be done now. */
  cancel(orderId: string): Promise<boolean>;

  /** Takes an event of the company; false: it is not the company's. Rejects when the ledger cannot take it. */
  takeEvent(body: string, signature: string): Promise<boolean>;

  /**
   * Looks into the events that were taken and name no charge under way, those among them that the company is asked for. It is cheap to
   * call often: one pass at a time.
   */
  lookSoon(): void;

  /** Resolves when no pass is under way; `stopping` ends one. */
  close(): Promise<void>;
}

export type Opening =
  | { readonly kind: 'opened'; readonly order: Order; readonly payment: OpenedPayment }
  | { readonly kind: 'refused'; readonly order: Order }
  /** More than the company takes at once, as a unit's price is one that it takes; or an amount that only the company refuses. */
  | { readonly kind: 'unpayable'; readonly why: string }
  | { readonly kind: 'by_the_server' };

export interface BuyerPaymentsDependencies {
  readonly ledger: Pick<
    Ledger,
    | 'order'
    | 'lease'
    | 'endLease'
    | 'settle'
    | 'noteProviderId'
    | 'takeEvent'
    | 'openEvents'
    | 'closeEvent'
    | 'note'
    | 'setNote'
  >;
  readonly provider: Pick<PaymentProvider, 'cancel'>;
  readonly buyerPays: BuyerProvider;
  readonly enqueuer: Pick<ChargeEnqueuer, 'enqueue'>;
  readonly latePayments: Pick<LatePayments, 'record'>;
  readonly clock: Clock;
  readonly timing: Pick<PaymentTiming, 'leaseMs'>;
  readonly stopping: AbortSignal;
  readonly log: Log;
}

/** Looked into per sweep, each by one or two calls of the company. */
const EVENTS_MAX = 50;
/** Pauses while the company, or the ledger, gives no answer. */
const LOOK_PAUSE_MS_FIRST = 1_000;
const LOOK_PAUSE_MS_MAX = 60_000;
/** Two calls of one buyer at the same moment: the second finds what the first has begun. */
const OPEN_TRIES_MAX = 3;

export function createBuyerPayments(dependencies: BuyerPaymentsDependencies): BuyerPayments {
  const { ledger, provider, buyerPays, enqueuer, latePayments, clock, timing, log, stopping } = dependencies;
  const poll = createEventPoll({ ledger, buyerPays, clock });
  const looking = createPeriodic(lookIntoEvents, {
    retryMs: (failures) => backoffMs(failures, LOOK_PAUSE_MS_FIRST, LOOK_PAUSE_MS_MAX),
    onFailure: (error) => log.warn({ err: error }, 'events not looked into yet'),
  });

  type Begun = Pick<LeasedOrder, 'order' | 'attempt' | 'providerId' | 'beganAt'>;

  /** The attempt under way, begun if the order waits for one; null when it can have none now. */
  async function begin({ order, payments }: OrderView): Promise<Begun | null> {
    if (order.status === 'reserved') return (await ledger.lease([order.id], timing.leaseMs))[0] ?? null;
    const pending = payments.find(({ attempt }) => attempt === order.attempts);
    if (order.status !== 'charging' || !pending) return null;
    const { attempt, providerId, createdAt } = pending;
    return { order, attempt, providerId, beganAt: createdAt };
  }

  async function open(view: OrderView, confirmation: Confirmation | null): Promise<Opening> {
    if (isHidden(view.order)) return { kind: 'by_the_server' };
    const why = buyerPays.refusal(amountMinor(view.order), view.order.currency);
    if (why !== null) return { kind: 'unpayable', why };
    let seen = view;
    for (let tries = 1; ; tries++) {
      const { status, expiresAt } = seen.order;
      const isPayable = (status === 'reserved' || status === 'charging') && clock() < expiresAt;
      const begun = isPayable ? await begin(seen) : null;
      if (begun) return openBegun(begun, confirmation);
      if (!isPayable || tries === OPEN_TRIES_MAX) return { kind: 'refused', order: seen.order };
      seen = (await ledger.order(seen.order.id))!;
    }
  }

  async function openBegun(begun: Begun, confirmation: Confirmation | null): Promise<Opening> {
    const { order, attempt } = begun;
    const payment = await buyerPays.open(chargeRequest(begun), confirmation).catch((error) => {
      if (isAppError(error, 'invalid_request')) return null;
      throw error;
    });
    if (payment === null) return { kind: 'unpayable', why: 'the payment company refuses it' };
    if (begun.providerId === null) await ledger.noteProviderId(order.id, attempt, payment.providerId);
    if (payment.status !== 'open' && payment.status !== 'action')
      await chargeNow({ orderId: order.id, attempt });
    return { kind: 'opened', order, payment };
  }

  async function chargeNow({ orderId, attempt }: ChargeName): Promise<void> {
    await ledger.endLease(orderId, attempt);
    enqueuer.enqueue([orderId]);
  }

  async function cancel(orderId: string): Promise<boolean> {
    const view = await ledger.order(orderId);
    if (view?.order.status !== 'charging') return view?.order.status === 'reserved';
    await ledger.endLease(orderId, view.order.attempts);
    const [leased] = await ledger.lease([orderId], timing.leaseMs, 'hidden');
    if (!leased) return false;
    const { attempt, leases } = leased;
    const answer = await provider.cancel(chargeRequest(leased));
    const result =
      answer.type === 'captured' ? answer : ({ type: 'attempt_failed', reason: CANCELLED } as const);
    await ledger.settle([{ orderId, attempt, leases, result }]);
    return answer.type === 'cancelled';
  }

  async function takeEvent(body: string, signature: string): Promise<boolean> {
    const event = await buyerPays.readEvent(body, signature);
    if (event === null) return false;
    const charge = event.key === null ? null : readChargeKey(event.key);
    // Others may sell with the same account.
    if (event.subject === 'other' || (event.subject === 'payment' && charge === null)) return true;
    if ((await ledger.takeEvent(event, charge)) === 'charge') enqueuer.enqueue([charge!.orderId]);
    return true;
  }

  async function lookIntoEvents(): Promise<void> {
    await poll().catch((error) => log.warn({ err: error }, 'the payment company was not asked for events'));
    for (const event of await ledger.openEvents(EVENTS_MAX)) {
      if (stopping.aborted) return;
      try {
        await lookInto(event);
      } catch (error) {
        const isRefused = isAppError(error, 'invalid_request');
        if (error instanceof AppError && !isRefused) throw error;
        log.warn({ err: error }, `event ${event.id} not looked into`);
        // The company would refuse it each time, and others behind it would wait; `payments reconcile` still names the payment.
        if (isRefused) await ledger.closeEvent(event.id, null);
      }
    }
  }

  async function lookInto(event: ProviderEvent): Promise<void> {
    const finding = await buyerPays.lookInto(event);
    const charge = finding.type === 'nothing' ? null : readChargeKey(finding.key);
    if (finding.type === 'payment' && charge !== null) await setRight(charge, finding.providerId);
    const found = finding.type === 'trouble' && charge && { ...charge, trouble: finding.trouble };
    await ledger.closeEvent(event.id, found || null);
  }

  /** A payment of an attempt that is over for us is over at the company, too; or else its money has come late. */
  async function setRight({ orderId, attempt }: ChargeName, providerId: string): Promise<void> {
    const view = await ledger.order(orderId);
    const payment = view?.payments.find((one) => one.attempt === attempt);
    if (!view || !payment || tookMoney(payment)) return;
    if (payment.status === 'pending') return chargeNow({ orderId, attempt });
    const answer = await provider.cancel(
      chargeRequest({ order: view.order, attempt, providerId, beganAt: payment.createdAt }),
    );
    if (answer.type === 'captured') await latePayments.record({ orderId, attempt, providerId });
  }

  return {
    publishableKey: buyerPays.publishableKey,
    refusal: buyerPays.refusal,
    open,
    cancel,
    takeEvent,
    lookSoon: () => looking.runIn(0),
    close: looking.close,
  };
}

/** The buyer reads it in the order. */
const CANCELLED = 'The buyer cancelled the payment.';
