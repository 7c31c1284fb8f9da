import type { Log } from '../../lib/log.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import { createPeriodic } from '../../lib/periodic.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Begins } from '../../ports/payments.ts';
import type { Queue } from '../../ports/queue.ts';
import type { ChargeEnqueuer } from './charge-enqueuer.ts';
import type { PaymentStats } from './stats.ts';
import type { PaymentTiming } from './timing.ts';

export interface ReaperDependencies {
  readonly ledger: Pick<Ledger, 'expireOverdue' | 'unsettled'>;
  readonly queue: Pick<Queue, 'status'>;
  readonly enqueuer: Pick<ChargeEnqueuer, 'enqueue'>;
  /** Starts due refunds. */
  readonly refundSoon: () => void;
  /** Looks into what the provider told of, without being waited for. */
  readonly lookSoon: () => void;
  readonly begins: Begins;
  readonly stats: Pick<PaymentStats, 'recovered'>;
  readonly isLeader: (job: string) => Promise<boolean>;
  readonly log: Log;
  readonly timing: Pick<PaymentTiming, 'sweepEveryMs' | 'reconcileAgeMs'>;
  readonly stopping: AbortSignal;
}

/** Holds expired in one transaction: about 1 ms, after which waiting requests get their turn. */
const EXPIRE_ORDERS_MAX = 100;

/** Per sweep, so that reconciling gets its turn even while more holds run out than can be expired. */
const EXPIRE_BATCHES_MAX = 100;

/**
 * With more orders than this in the queue nothing is reconciled: most lost charges would be there already, and a second
 * message makes none faster. Above zero, because retries always wait there for a moment.
 */
const RECONCILE_READY_MAX = { items: 1_000, messages: 100 };

/** Orders enqueued per sweep, so that a crash with a million orders does not flood the queue at once. */
const RECONCILE_ORDERS_MAX = 5_000;

/** Sweeps at regular intervals for work without a message: holds that ran out, lost messages, ended leases, refunds. */
export function createReaper(dependencies: ReaperDependencies) {
  const { ledger, queue, enqueuer, refundSoon, lookSoon, begins, stats, isLeader, log, timing } =
    dependencies;
  const { stopping } = dependencies;
  const sweeping = createPeriodic(sweep, {
    everyMs: timing.sweepEveryMs,
    onFailure: (error) => log.warn({ err: error }, 'sweep of orders failed'),
  });
  let reconciles = false;

  async function sweep(): Promise<void> {
    await attend('expire holds', expire);
    // Separate jobs: a process that expires holds may be one that never calls the provider.
    // Refunds are not awaited: a slow provider must not delay the end of holds.
    if (reconciles) await attend('refund payments', refundSoon);
    if (reconciles) await attend('find lost charges', reconcile);
    if (reconciles) await attend('look into events', lookSoon);
  }

  /** Jobs are independent: one that fails in every sweep does not stop the others. */
  async function attend(job: string, work: () => void | Promise<void>): Promise<void> {
    try {
      if (await isLeader(job)) await work();
    } catch (error) {
      log.warn({ err: error }, `sweep of orders failed: ${job}`);
    }
  }

  async function expire(): Promise<void> {
    for (let batch = 0; batch < EXPIRE_BATCHES_MAX && !stopping.aborted; batch++) {
      const { orders } = await ledger.expireOverdue(EXPIRE_ORDERS_MAX);
      if (orders.length < EXPIRE_ORDERS_MAX) return;
      await nextTurn();
    }
  }

  async function reconcile(): Promise<void> {
    const payments = (await queue.status()).find(({ name }) => name === 'payments');
    if (!payments || payments.ready > RECONCILE_READY_MAX[payments.unit]) return;
    const found = await ledger.unsettled(timing.reconcileAgeMs, RECONCILE_ORDERS_MAX, begins);
    stats.recovered += found.length;
    enqueuer.enqueue(found);
  }

  return {
    start(options: { readonly reconcile: boolean }): void {
      reconciles = options.reconcile;
      sweeping.runIn(0);
    },

    close: sweeping.close,
  };
}
