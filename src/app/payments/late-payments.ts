import { AppError } from '../../domain/errors.ts';
import type { LateCapture, Payments } from '../../ports/payments.ts';
import type { CaptureNotice, PaymentProvider } from '../../ports/provider.ts';
import { batchOrEach } from './batch-or-each.ts';
import { createBatcher } from './batcher.ts';
import { readChargeKey } from './call-provider.ts';
import type { PaymentStats } from './stats.ts';

export interface LatePaymentsDependencies {
  readonly ledger: Pick<Payments, 'captureLate'>;
  readonly provider: Pick<PaymentProvider, 'onCapture'>;
  readonly stats: Pick<PaymentStats, 'latePayments'>;
  /** Starts due refunds: a second capture of a paid order is refunded while the order's status stays. */
  readonly refundSoon: () => void;
  readonly onTrouble: (error: unknown, context: string) => void;
}

/** As with results of charges (leased-work.ts): a batch is about 1.5 ms of work, and at most 50 are written per second. */
const CAPTURES_MAX = 100;
const LINGER_MS = 20;

interface Told {
  readonly capture: LateCapture;
  readonly taken: PromiseWithResolvers<void>;
}

/** Records captures that the provider reports unasked. A capture is acknowledged when it is committed. */
export function createLatePayments(dependencies: LatePaymentsDependencies) {
  const { ledger, provider, stats, refundSoon, onTrouble } = dependencies;
  const batcher = createBatcher<Told>({ itemsMax: CAPTURES_MAX, lingerMs: LINGER_MS }, take);
  let stop = () => {};

  async function hear({ key, providerId }: CaptureNotice): Promise<void> {
    const charge = readChargeKey(key);
    if (!charge) {
      // Acknowledged: a retry would not make it ours.
      onTrouble(
        new AppError('invalid_request', `No charge of ours has the key ${key}`),
        'late payment refused',
      );
      return;
    }
    const taken = Promise.withResolvers<void>();
    batcher.add([{ capture: { ...charge, providerId }, taken }]);
    await taken.promise;
  }

  async function take(told: readonly Told[]): Promise<void> {
    const work = (some: readonly Told[]) => ledger.captureLate(some.map(({ capture }) => capture));
    try {
      await batchOrEach(told, work, reject);
    } catch (error) {
      // The provider will report them again.
      for (const one of told) reject(one, error);
      return;
    }
    for (const { taken } of told) taken.resolve();
    stats.latePayments += told.length;
    refundSoon();
  }

  function reject({ capture, taken }: Told, error: unknown): void {
    onTrouble(error, `late payment of order ${capture.orderId} not stored; the provider will retry`);
    taken.reject(error);
  }

  return {
    start(): void {
      stop = provider.onCapture(hear);
    },

    async close(): Promise<void> {
      stop();
      await batcher.drain();
    },
  };
}
