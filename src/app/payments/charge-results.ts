import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../../lib/backoff.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { ChargeResult } from '../../ports/payments.ts';
import { batchOrEach } from './batch-or-each.ts';
import { createBatcher } from './batcher.ts';
import type { ChargeEnqueuer } from './charge-enqueuer.ts';
import type { Semaphore } from './semaphore.ts';
import type { PaymentStats } from './stats.ts';

export interface ChargeResults {
  /** Takes over the result of a charge. The order's permit is released when the result is in the ledger. */
  record(result: ChargeResult): void;
}

export interface ChargeResultsDependencies {
  readonly ledger: Pick<Ledger, 'settle'>;
  readonly enqueuer: ChargeEnqueuer;
  readonly semaphore: Semaphore;
  readonly stats: Pick<PaymentStats, 'failedAttempts'>;
  readonly onTrouble: (error: unknown, context: string) => void;
  /** The longest pause before another charge attempt. */
  readonly retryMsMax: number;
  /** Aborted when there is no time left to record results. */
  readonly deadline: AbortSignal;
}

/** Results per transaction: about 1.5 ms, after which waiting requests get their turn. */
const SETTLE_RESULTS_MAX = 100;

/** At most 50 transactions per second, whatever the rate; freed units become visible this much later. */
const SETTLE_LINGER_MS = 20;

/** Retry pauses while the ledger cannot write; waiting results are bounded by the charges in flight. */
const LEDGER_PAUSE_MS_FIRST = 50;
const LEDGER_PAUSE_MS_MAX = 2_000;

/** The first pause before another charge attempt. */
const RETRY_MS_FIRST = 250;

/** Writes results of charges to the ledger, in batches and with retries until they are committed. */
export function createChargeResults(dependencies: ChargeResultsDependencies): ChargeResults {
  const { ledger, enqueuer, semaphore, stats, onTrouble, retryMsMax, deadline } = dependencies;
  const batching = { itemsMax: SETTLE_RESULTS_MAX, lingerMs: SETTLE_LINGER_MS };
  const batcher = createBatcher<ChargeResult>(batching, recordAll);

  async function recordAll(results: readonly ChargeResult[]): Promise<void> {
    for (let failures = 1; !deadline.aborted; failures++) {
      try {
        await batchOrEach(results, async (some) => [await ledger.settle(some)], reportBad);
        retryFailed(results);
        break;
      } catch (error) {
        onTrouble(error, `${results.length} charges not recorded yet`);
        await pause(backoffMs(failures, LEDGER_PAUSE_MS_FIRST, LEDGER_PAUSE_MS_MAX));
      }
    }
    semaphore.release(results.length);
  }

  function reportBad({ orderId }: ChargeResult, error: unknown): void {
    onTrouble(error, `charge of order ${orderId} not recorded`);
  }

  function retryFailed(results: readonly ChargeResult[]): void {
    for (const { result } of results) if (result.type === 'attempt_failed') stats.failedAttempts++;
    for (const [attempt, orderIds] of failedByAttempt(results)) {
      void enqueuer.enqueueLater(orderIds, backoffMs(attempt, RETRY_MS_FIRST, retryMsMax));
    }
  }

  async function pause(pauseMs: number): Promise<void> {
    await sleep(pauseMs, undefined, { signal: deadline }).catch(() => {});
  }

  return { record: (result) => batcher.add([result]) };
}

/** Orders to try again, by the number of the attempt that failed. */
function failedByAttempt(results: readonly ChargeResult[]): Map<number, string[]> {
  const failed = new Map<number, string[]>();
  for (const { orderId, attempt, result } of results) {
    if (result.type !== 'attempt_failed') continue;
    const orderIds = failed.get(attempt);
    if (orderIds) orderIds.push(orderId);
    else failed.set(attempt, [orderId]);
  }
  return failed;
}
