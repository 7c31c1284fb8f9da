import { AppError } from '../../domain/errors.ts';
import { isHidden } from '../../domain/product.ts';
import type { ChargeName, LeasedRefund, Payments } from '../../ports/payments.ts';
import type { PaymentProvider } from '../../ports/provider.ts';
import { chargeKey } from './call-provider.ts';
import { type Asked, createLeasedWork } from './leased-work.ts';
import type { PaymentStats } from './stats.ts';

/** Carries out pending refunds. */
export interface Refunds {
  /** Carries out due refunds, at once unless the provider is down. Never rejects, and is cheap to call often. */
  soon(): void;
  /** Resolves when no refund is under way, or at the deadline; `stopping` prevents new ones. */
  drained(): Promise<void>;
}

export interface RefundsDependencies {
  readonly ledger: Pick<Payments, 'leaseRefunds' | 'settleRefunds'>;
  readonly provider: Pick<PaymentProvider, 'refund'>;
  readonly stats: Pick<PaymentStats, 'refunded' | 'failedRefunds'>;
  readonly onTrouble: (error: unknown, context: string) => void;
  /**
   * When an unsettled refund is due again: longer than any provider call, so that a failed refund waits alone and no refund
   * is called twice at once.
   */
  readonly againAfterMs: number;
  readonly stopping: AbortSignal;
  readonly deadline: AbortSignal;
}

/** Concurrent refunds: with a real provider's 300 ms about 100 a second, a fraction of charging's load. */
const REFUNDS_AT_ONCE = 32;

/** While the provider is down only this many are tried, so that the others are due when it is back. */
const PROBES_AT_ONCE = 2;

export function createRefunds(dependencies: RefundsDependencies): Refunds {
  const { ledger, provider, stats, onTrouble, againAfterMs, stopping } = dependencies;
  const work = createLeasedWork<LeasedRefund, ChargeName>({
    ...dependencies,
    name: 'refund',
    inFlightMax: REFUNDS_AT_ONCE,
    probesMax: PROBES_AT_ONCE,
    ask,
    settle,
  });
  let isDue = false;
  let isLeasing = false;

  async function leaseDue(): Promise<void> {
    isLeasing = true;
    try {
      while (isDue) {
        isDue = false;
        await work.begin(REFUNDS_AT_ONCE, lease);
      }
    } catch (error) {
      if (!stopping.aborted) onTrouble(error, 'due refunds not read; the next sweep will retry');
    }
    isLeasing = false;
  }

  async function lease(places: number): Promise<readonly LeasedRefund[]> {
    const refunds = await ledger.leaseRefunds(places, againAfterMs);
    // A full batch means that there may be more.
    if (refunds.length === places) isDue = true;
    return refunds;
  }

  async function ask(refund: LeasedRefund): Promise<Asked<ChargeName>> {
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
      if (isAnswer) onTrouble(error, `refund of order ${orderId} refused`);
      return { orderId, isAnswer, result: null };
    }
  }

  async function settle(refunds: readonly ChargeName[]): Promise<void> {
    await ledger.settleRefunds(refunds);
    stats.refunded += refunds.length;
  }

  return {
    soon() {
      isDue = true;
      if (!isLeasing) void leaseDue();
    },
    drained: work.drained,
  };
}
