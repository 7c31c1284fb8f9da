import { type Clock, systemClock } from '../../domain/clock.ts';
import { isHidden } from '../../domain/product.ts';
import type { Log } from '../../lib/log.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Payments } from '../../ports/payments.ts';
import type { PaymentProvider } from '../../ports/provider.ts';
import type { Consumer, Queue } from '../../ports/queue.ts';
import type { Tracing } from '../../ports/tracing.ts';
import type { ChangeBus } from '../changes.ts';
import { type BuyerPayments, createBuyerPayments } from './buyer-payments.ts';
import { createChargeEnqueuer } from './charge-enqueuer.ts';
import { createCharges, LEASE_ORDERS_MAX } from './charges.ts';
import { createLatePayments } from './late-payments.ts';
import { createReaper } from './reaper.ts';
import { createRefunds } from './refunds.ts';
import { countEnd, newStats, type PaymentStats } from './stats.ts';
import { type PaymentTiming, timingOf } from './timing.ts';

/**
 * Brings every reserved order to its end: charges it, records the result, and releases the units of orders that were
 * declined or whose hold ran out. Carries out due refunds, and records late payments.
 *
 *   reserved ─▶ enqueuer ─▶ payments queue ─▶ lease ─▶ call the provider ─▶ record ─▶ paid | declined | expired
 *                ▲                                         │                └─ attempt failed ─▶ enqueuer, later
 *                └──── sweep: lost messages, ended leases ◀── no answer: the lease runs out
 *
 *   the provider reports a capture ─▶ ledger ─▶ paid, or to be refunded ─┐
 *                                     sweep, a requested refund ─────────┴─▶ lease ─▶ call the provider ─▶ refunded
 *
 * Charges and refunds lease, call and record by one loop (leased-work.ts). Where buyers pay, an attempt begins with its buyer's
 * call instead, and the calls of the provider look for what came of it (buyer-payments.ts).
 *
 * The order's own row is the truth at every step; a message is only a hint. So messages may be lost or duplicated, and
 * a message is acknowledged as soon as its orders are leased: from there the lease covers them, even if this process dies.
 */
export interface PaymentProcessor {
  /** Starts the sweep and, with `consume`, the charging and refunding. Without it those wait, and holds expire. */
  start(options: { readonly consume: boolean }): Promise<void>;
  /** Finishes work in progress within a deadline. The rest is retried when its leases end. */
  close(): Promise<void>;
  /** How buyers pay; null where the server charges every order. */
  readonly buyerPayments: BuyerPayments | null;
  /** Counts since the start, and charges leased but not yet recorded. */
  readonly stats: Readonly<PaymentStats>;
}

export interface PaymentProcessorDependencies {
  readonly ledger: Payments & Pick<Ledger, 'order' | 'note' | 'setNote'>;
  readonly changes: Pick<ChangeBus, 'subscribe'>;
  readonly queue: Pick<Queue, 'publish' | 'consume' | 'deadLetter' | 'status'>;
  readonly provider: PaymentProvider;
  /** Called before each sweep: false when another process does it. Without it every process sweeps. */
  readonly isLeader?: (job: string) => Promise<boolean>;
  /** Receives failures that are retried or left to the sweep. */
  readonly log: Log;
  readonly timing?: Partial<PaymentTiming>;
  /** The ledger's; by default the process's own. */
  readonly clock?: Clock;
  /** Orders leased and not yet recorded. */
  readonly chargesInFlightMax?: number;
  readonly tracing?: Tracing | null;
}

/** Without a setting. */
const CHARGES_IN_FLIGHT_MAX = 2_000;

export function createPaymentProcessor(dependencies: PaymentProcessorDependencies): PaymentProcessor {
  const { ledger, changes, queue, provider, log, isLeader = everyone } = dependencies;
  const { tracing = null, clock = systemClock, chargesInFlightMax = CHARGES_IN_FLIGHT_MAX } = dependencies;
  const { buyerPays } = provider;
  const timing = { ...timingOf(dependencies.timing?.leaseMs), ...dependencies.timing };
  const stats = newStats();
  const stopping = new AbortController();
  const deadline = new AbortController();

  const common = {
    ...{ ledger, queue, provider, stats, timing, tracing, log },
    ...{ stopping: stopping.signal, deadline: deadline.signal },
  };

  const enqueuer = createChargeEnqueuer(common);
  const charges = createCharges({ ...common, enqueuer, inFlightMax: chargesInFlightMax });
  const refunds = createRefunds(common);
  const latePayments = createLatePayments({ ...common, refundSoon: refunds.soon });
  const buyerPayments =
    buyerPays && createBuyerPayments({ ...common, buyerPays, enqueuer, latePayments, clock });
  const sweep = createReaper({
    ...common,
    enqueuer,
    refundSoon: refunds.soon,
    lookSoon: () => buyerPayments?.lookSoon(),
    begins: buyerPays ? 'hidden' : 'all',
    isLeader,
  });
  let consumer: Consumer | undefined;

  const unsubscribe = changes.subscribe({
    committed({ products, reserved, orders }) {
      // Where buyers pay, no charge begins without its buyer, but for those that are never charged.
      if (!buyerPays || products.some(isHidden)) enqueuer.enqueue(reserved);
      for (const { status } of orders) countEnd(stats, status);
      const hasRefunds = orders.some(({ status }) => status === 'refunding' || status === 'returning');
      if (consumer && hasRefunds) refunds.soon();
    },
  });

  return {
    async start({ consume }) {
      if (consume) {
        // One batch at a time: the slow part, the provider, is not waited for in the handler.
        const options = { maxItems: LEASE_ORDERS_MAX, concurrency: 1 };
        consumer = await queue.consume('payments', options, charges.handle);
        latePayments.start();
      }
      sweep.start({ reconcile: consume });
    },

    async close() {
      const timer = setTimeout(() => deadline.abort(), timing.closeDeadlineMs);
      stopping.abort();
      await sweep.close();
      await consumer?.close();
      const idle = [latePayments.close(), refunds.close(), charges.drained(), buyerPayments?.close()];
      await Promise.race([Promise.all(idle), aborted(deadline.signal)]);
      deadline.abort();
      clearTimeout(timer);
      await enqueuer.close();
      unsubscribe();
    },

    buyerPayments,

    get stats() {
      return { ...stats, inFlight: charges.inFlight() };
    },
  };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

async function everyone(): Promise<boolean> {
  return true;
}
