import { AppError } from '../../domain/errors.ts';
import { isHidden } from '../../domain/product.ts';
import type { LeasedRefund, Payments } from '../../ports/payments.ts';
import type { PaymentProvider } from '../../ports/provider.ts';
import { batchOrEach } from './batch-or-each.ts';
import { createBatcher } from './batcher.ts';
import { chargeKey } from './call-provider.ts';
import { createOutage } from './outage.ts';
import type { PaymentStats } from './stats.ts';

/** Carries out pending refunds. */
export interface Refunder {
  /** Carries out due refunds, at once unless the provider is down. Never rejects, and is cheap to call often. */
  soon(): void;
  /** Resolves when no refund call is running; `stopping` prevents new ones. */
  idle(): Promise<void>;
}

export interface RefunderDependencies {
  readonly ledger: Pick<Payments, 'leaseRefunds' | 'settleRefunds'>;
  readonly provider: Pick<PaymentProvider, 'refund'>;
  readonly stats: Pick<PaymentStats, 'refunded' | 'failedRefunds'>;
  readonly onTrouble: (error: unknown, context: string) => void;
  readonly monotonicMs: () => number;
  /**
   * When an unsettled refund is due again: longer than any provider call, so that a failed refund waits alone and no refund
   * is called twice at once.
   */
  readonly againAfterMs: number;
  readonly stopping: AbortSignal;
}

/** Concurrent refunds: with a real provider's 300 ms about 100 a second, a fraction of charging's load. */
const REFUNDS_AT_ONCE = 32;

/** While the provider is down only this many are tried, so that the others are due when it is back. */
const PROBES_AT_ONCE = 2;

/** At most 50 transactions per second, with an unnoticeable delay. */
const SETTLE_LINGER_MS = 20;

/** `no answer` may have been carried out; `refused` is a defect, and reported. */
type Answer = 'refunded' | 'no answer' | 'refused';

interface Answered {
  readonly refund: LeasedRefund;
  readonly answer: Answer;
}

/** Each refund takes its own time: a slow or failing one keeps its permit until then, and no other waits for it. */
export function createRefunder(dependencies: RefunderDependencies): Refunder {
  const { ledger, provider, stats, onTrouble, monotonicMs, againAfterMs, stopping } = dependencies;
  const outage = createOutage();
  const underWay = new Set<Promise<void>>();
  const batching = { itemsMax: REFUNDS_AT_ONCE, lingerMs: SETTLE_LINGER_MS };
  const batcher = createBatcher<Answered>(batching, record);
  let isDue = false;
  let isLeasing = false;
  let leasing = Promise.resolve();
  let pausedUntilMs = Number.NEGATIVE_INFINITY;

  async function leaseDue(): Promise<void> {
    isLeasing = true;
    while (isDue && !stopping.aborted && freePlaces() > 0 && monotonicMs() >= pausedUntilMs) {
      isDue = false;
      const places = freePlaces();
      const refunds = await leaseSome(places);
      for (const refund of refunds) {
        const asking = giveBack(refund).finally(() => underWay.delete(asking));
        underWay.add(asking);
      }
      // A full batch means that there may be more.
      if (refunds.length === places) isDue = true;
    }
    isLeasing = false;
  }

  function lease(): void {
    if (!isLeasing) leasing = leaseDue();
  }

  function freePlaces(): number {
    return (outage.isOn() ? PROBES_AT_ONCE : REFUNDS_AT_ONCE) - underWay.size;
  }

  async function leaseSome(limit: number): Promise<readonly LeasedRefund[]> {
    try {
      return await ledger.leaseRefunds(limit, againAfterMs);
    } catch (error) {
      onTrouble(error, 'due refunds not read; the next sweep will retry');
      return [];
    }
  }

  async function giveBack(refund: LeasedRefund): Promise<void> {
    const answer = await askProvider(refund);
    const wasOn = outage.isOn();
    outage.heard(refund.orderId, answer !== 'no answer');
    if (!outage.isOn()) pausedUntilMs = Number.NEGATIVE_INFINITY;
    else if (!wasOn || monotonicMs() >= pausedUntilMs) pausedUntilMs = monotonicMs() + outage.nextPauseMs();
    batcher.add([{ refund, answer }]);
  }

  async function askProvider(refund: LeasedRefund): Promise<Answer> {
    // Nobody was charged: see `callProvider`.
    if (isHidden(refund)) return 'refunded';
    const { orderId, attempt, providerId, amountMinor, currency } = refund;
    const charge = chargeKey(orderId, attempt);
    const key = `${charge}:refund`;
    try {
      await provider.refund({ key, chargeKey: charge, providerId, orderId, amountMinor, currency });
      return 'refunded';
    } catch (error) {
      const isTrouble = error instanceof AppError && error.code !== 'invalid_request';
      if (!isTrouble) onTrouble(error, `refund of order ${orderId} refused`);
      return isTrouble ? 'no answer' : 'refused';
    }
  }

  async function record(answered: readonly Answered[]): Promise<void> {
    const done = answered.filter(({ answer }) => answer === 'refunded').map(({ refund }) => refund);
    stats.refunded += done.length;
    stats.failedRefunds += answered.length - done.length;
    try {
      await batchOrEach(done, settle, reportUnsettled);
    } catch (error) {
      // A refund that was carried out and not recorded is called again, with the same key.
      onTrouble(error, 'refunds not recorded yet');
    }
    lease();
  }

  async function settle(refunds: readonly LeasedRefund[]): Promise<unknown[]> {
    if (refunds.length === 0) return [];
    return [await ledger.settleRefunds(refunds.map(({ orderId, attempt }) => ({ orderId, attempt })))];
  }

  function reportUnsettled({ orderId }: LeasedRefund, error: unknown): void {
    onTrouble(error, `refund of order ${orderId} not recorded`);
  }

  return {
    soon() {
      isDue = true;
      lease();
    },
    async idle() {
      await leasing;
      await Promise.all(underWay);
      await batcher.drain();
    },
  };
}
