import { backoffMs } from '../domain/backoff.ts';
import { AppError } from '../domain/errors.ts';
import type { LeasedRefund, LedgerEndings, Moved } from '../ledger/endings.ts';
import type { PaymentProvider } from '../payments/provider.ts';
import { chargeKey } from './ask.ts';
import type { SettlementStats } from './stats.ts';

/** Brings money back that is on its way back. */
export interface Refunder {
  /** Looks for refunds that are due, now unless the provider is down. Never rejects, and is cheap to call often. */
  soon(): void;
  /** Resolves when no refund is being asked for; `stopping` sees to it that no more are. */
  idle(): Promise<void>;
}

export interface RefunderDependencies {
  readonly ledger: Pick<LedgerEndings, 'leaseRefunds' | 'settleRefunds'>;
  readonly provider: Pick<PaymentProvider, 'refund'>;
  readonly stats: Pick<SettlementStats, 'refunded' | 'failedRefunds'>;
  readonly onMoved: (moved: Moved) => void;
  readonly onTrouble: (error: unknown, context: string) => void;
  readonly monotonicMs: () => number;
  readonly stopping: AbortSignal;
}

/** Refunds asked for at once: with a real provider's 300 ms about 100 a second, and a fraction of what charging takes. */
const REFUNDS_AT_ONCE = 32;

/** While the provider is down only as many are tried, so that the others are due when it is back. */
const PROBES_AT_ONCE = 2;

/**
 * When a refund is due again that nobody settled: longer than any call of the provider lasts, and than the longest pause, so
 * that one which always fails does not keep the others from being tried.
 */
const AGAIN_AFTER_MS = 30_000;

/** Pauses while the provider is down. Nobody waits for the seconds of a refund, so it is asked rarely. */
const OUTAGE_PAUSE_MS_FIRST = 1_000;
const OUTAGE_PAUSE_MS_MAX = 15_000;

export function createRefunder(dependencies: RefunderDependencies): Refunder {
  const { ledger, provider, stats, onMoved, onTrouble, monotonicMs, stopping } = dependencies;
  let isDue = false;
  let isWorking = false;
  let worked = Promise.resolve();
  let failuresInRow = 0;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;

  function soon(): void {
    isDue = true;
    if (!isWorking) worked = work();
  }

  async function work(): Promise<void> {
    isWorking = true;
    try {
      while (isDue && !stopping.aborted && monotonicMs() >= pausedUntilMs) {
        isDue = false;
        const batch = failuresInRow === 0 ? REFUNDS_AT_ONCE : PROBES_AT_ONCE;
        const refunds = await ledger.leaseRefunds(batch, AGAIN_AFTER_MS);
        await giveBack(refunds);
        // Where there was a full batch there may be more.
        if (refunds.length === batch) isDue = true;
      }
    } catch (error) {
      // What was given back and not written down is asked for again, with the same key.
      onTrouble(error, 'refunds are not recorded yet');
    }
    isWorking = false;
  }

  async function giveBack(refunds: readonly LeasedRefund[]): Promise<void> {
    const answers = await Promise.all(refunds.map(ask));
    const done = refunds.filter((_, i) => answers[i] === 'refunded');
    stats.refunded += done.length;
    stats.failedRefunds += refunds.length - done.length;
    if (done.length > 0) {
      failuresInRow = 0;
      onMoved(await ledger.settleRefunds(done.map(({ orderId, attempt }) => ({ orderId, attempt }))));
    } else if (answers.includes('no answer')) {
      pausedUntilMs = monotonicMs() + backoffMs(++failuresInRow, OUTAGE_PAUSE_MS_FIRST, OUTAGE_PAUSE_MS_MAX);
    }
  }

  /** `no answer` may have been carried out; `refused` is a mistake of somebody, and reported. */
  async function ask(refund: LeasedRefund): Promise<'refunded' | 'no answer' | 'refused'> {
    const { orderId, attempt, providerId, amountMinor, currency } = refund;
    const charge = chargeKey(orderId, attempt);
    const key = `${charge}:refund`;
    try {
      await provider.refund({ key, chargeKey: charge, providerId, orderId, amountMinor, currency });
      return 'refunded';
    } catch (error) {
      const isTrouble = error instanceof AppError && error.code !== 'invalid_request';
      if (!isTrouble) onTrouble(error, `refund of order ${orderId}`);
      return isTrouble ? 'no answer' : 'refused';
    }
  }

  return {
    soon,
    idle: () => worked,
  };
}
