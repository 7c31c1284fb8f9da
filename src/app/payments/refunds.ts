import { AppError } from '../../domain/errors.ts';
import { isHidden } from '../../domain/product.ts';
import type { Log } from '../../lib/log.ts';
import { createPeriodic } from '../../lib/periodic.ts';
import type { ChargeName, LeasedRefund, Payments } from '../../ports/payments.ts';
import type { PaymentProvider } from '../../ports/provider.ts';
import { chargeKey } from './call-provider.ts';
import { type CallResult, createLeasedWork } from './leased-work.ts';
import type { PaymentStats } from './stats.ts';
import type { PaymentTiming } from './timing.ts';

/** Carries out pending refunds. */
export interface Refunds {
  /** Carries out due refunds, at once unless the provider is down. Never rejects, and is cheap to call often. */
  soon(): void;
  /** Resolves when no refund is under way, or at the deadline; `stopping` prevents new ones. */
  close(): Promise<void>;
}

export interface RefundsDependencies {
  readonly ledger: Pick<Payments, 'leaseRefunds' | 'settleRefunds'>;
  readonly provider: Pick<PaymentProvider, 'refund'>;
  readonly stats: Pick<PaymentStats, 'refunded' | 'failedRefunds'>;
  readonly log: Log;
  /**
   * An unsettled refund is due again after `leaseMs`: longer than any provider call, so that a failed refund waits alone and no
   * refund is called twice at once.
   */
  readonly timing: Pick<PaymentTiming, 'leaseMs' | 'sweepEveryMs'>;
  readonly stopping: AbortSignal;
  readonly deadline: AbortSignal;
}

/** Concurrent refunds: with a real provider's 300 ms about 100 a second, a fraction of charging's load. */
const REFUNDS_AT_ONCE = 32;

/** While the provider is down only this many are tried, so that the others are due when it is back. */
const PROBES_AT_ONCE = 2;

export function createRefunds(dependencies: RefundsDependencies): Refunds {
  const { ledger, provider, stats, log, timing, stopping } = dependencies;
  const work = createLeasedWork<LeasedRefund, ChargeName>({
    ...dependencies,
    name: 'refund',
    inFlightMax: REFUNDS_AT_ONCE,
    probesMax: PROBES_AT_ONCE,
    ask,
    settle,
  });
  const leasing = createPeriodic(leaseDue, {
    retryMs: timing.sweepEveryMs,
    onFailure(error) {
      if (!stopping.aborted) log.warn({ err: error }, 'due refunds not read yet');
    },
  });

  async function leaseDue(): Promise<void> {
    while (await work.begin(REFUNDS_AT_ONCE, (places) => ledger.leaseRefunds(places, timing.leaseMs)));
  }

  async function ask(refund: LeasedRefund): Promise<CallResult<ChargeName>> {
    const { orderId, attempt, providerId, amountMinor, currency } = refund;
    const refunded = { orderId, isAnswer: true, result: { orderId, attempt } };
    // Nobody was charged: see `callProvider`.
    if (isHidden(refund)) return refunded;
    const charge = chargeKey(orderId, attempt);
    const key = `${charge}:refund`;
    try {
      await provider.refund({ key, chargeKey: charge, providerId, orderId, amountMinor, currency });
      return refunded;
    } catch (error) {
      stats.failedRefunds++;
      // The refund may have been carried out; or else it was refused, which is a defect.
      const isAnswer = !(error instanceof AppError) || error.code === 'invalid_request';
      if (isAnswer) log.warn({ err: error }, `refund of order ${orderId} refused`);
      return { orderId, isAnswer, result: null };
    }
  }

  async function settle(refunds: readonly ChargeName[]): Promise<void> {
    await ledger.settleRefunds(refunds);
    stats.refunded += refunds.length;
  }

  return {
    soon: () => leasing.runIn(0),
    async close() {
      await leasing.close();
      await work.drained();
    },
  };
}
