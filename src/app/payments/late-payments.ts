import { AppError } from '../../domain/errors.ts';
import { createBatchedCalls } from '../../lib/batch.ts';
import type { Log } from '../../lib/log.ts';
import type { LateCapture, Payments } from '../../ports/payments.ts';
import type { CaptureNotice, PaymentProvider } from '../../ports/provider.ts';
import { batchOrEach } from './batch-or-each.ts';
import { readChargeKey } from './call-provider.ts';
import type { PaymentStats } from './stats.ts';

export interface LatePaymentsDependencies {
  readonly ledger: Pick<Payments, 'captureLate'>;
  readonly provider: Pick<PaymentProvider, 'onCapture'>;
  readonly stats: Pick<PaymentStats, 'latePayments'>;
  /** Starts due refunds: a second capture of a paid order is refunded while the order's status stays. */
  readonly refundSoon: () => void;
  readonly log: Log;
}

export interface LatePayments {
  /** Listens for captures that the provider reports unasked. Each is acknowledged when it is committed. */
  start(): void;
  /** Resolves when the capture is committed. */
  record(capture: LateCapture): Promise<void>;
  close(): Promise<void>;
}

/** A batch is about 1.5 ms of work, and at most 50 are written per second, as with results of charges (leased-work.ts). */
const BATCHING = { itemsMax: 100, lingerMs: 20 };

export function createLatePayments(dependencies: LatePaymentsDependencies): LatePayments {
  const { ledger, provider, stats, refundSoon, log } = dependencies;
  const captures = createBatchedCalls<LateCapture, void>(BATCHING, captureAll);
  let stop = () => {};

  async function captureAll(some: readonly LateCapture[]): Promise<(Error | undefined)[]> {
    const bad = new Map<LateCapture, Error>();
    await batchOrEach(some, ledger.captureLate, (capture, error) => bad.set(capture, error as Error));
    return some.map((capture) => bad.get(capture));
  }

  async function record(capture: LateCapture): Promise<void> {
    await captures.call(capture);
    stats.latePayments++;
    refundSoon();
  }

  async function hear({ key, providerId }: CaptureNotice): Promise<void> {
    const charge = readChargeKey(key);
    if (!charge) {
      // Acknowledged: a retry would not make it ours.
      const error = new AppError('invalid_request', `No charge of ours has the key ${key}`);
      return log.warn({ err: error }, 'late payment refused');
    }
    try {
      await record({ ...charge, providerId });
    } catch (error) {
      log.warn({ err: error }, `late payment of order ${charge.orderId} not stored; the provider will retry`);
      throw error;
    }
  }

  return {
    start() {
      stop = provider.onCapture(hear);
    },

    record,

    async close() {
      stop();
      await captures.drain();
    },
  };
}
