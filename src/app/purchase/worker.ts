import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import type { PurchaseIds } from '../../domain/ids.ts';
import type { Outcome, Purchase } from '../../domain/purchase.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Log } from '../../lib/log.ts';
import type { DecidedBatch, DecidingQueue } from '../../ports/deciding-queue.ts';
import type { Ledger } from '../../ports/ledger.ts';
import { encodePurchases, readPurchases, type Unread } from '../../ports/purchase-message.ts';
import type { Found } from '../../ports/queries.ts';
import type { Consumer, Delivery, Queue } from '../../ports/queue.ts';
import type { Tracing } from '../../ports/tracing.ts';
import type { PurchaseBatcher } from './batcher.ts';
import { traceMessage } from './purchase-trace.ts';

/**
 * Decides queued purchases in batches, through the batcher and without the gate: the ledger's decision becomes the
 * purchase's final outcome in the same commit, and only then is the message acknowledged.
 *
 * A redelivered message may have killed its worker, so its purchases are decided one by one, each attempt counted before
 * it is made. A purchase that keeps failing is retried later, and at last dead-lettered with its cause, without effect on
 * its neighbours. An invalid purchase is dead-lettered at once.
 */
export interface Worker {
  start(): Promise<void>;
  close(): Promise<void>;
  readonly stats: WorkerStats;
}

export interface WorkerStats {
  decided: number;
  retried: number;
  deadLettered: number;
  tooOld: number;
  /** Purchases decided by this worker. */
  reserved: number;
  refused: number;
}

export interface WorkerOptions {
  /** Batches being decided at once. */
  readonly batchesMax: number;
  readonly purchaseTtlMs: number;
  readonly ids: Pick<PurchaseIds, 'read'>;
  readonly log: Log;
  /** Observes the time of each purchase from its acceptance to its outcome. */
  readonly confirmTimes?: { record(tookMs: number): void };
  readonly tracing?: Tracing | null;
  /** Decides what is no redelivery by itself, where the queue is in the ledger's own store. */
  readonly decidingQueue?: DecidingQueue | undefined;
}

/** Purchases per ledger batch: a few milliseconds of work, so that requests are answered in between. */
const BATCH_ITEMS_MAX = 512;
/** Attempts at one purchase before it is dead-lettered. */
export const ATTEMPTS_MAX = 5;
/** Remembered attempts that a backend interrupted; more than are redelivered at once in any plausible outage. */
const BROKEN_OFF_MAX = 10_000;
/** Length limit of a cause: enough to distinguish causes, and far below a broker's header limit. */
const CAUSE_CHARS_MAX = 500;
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 30_000;

export function createWorker(
  ledger: Ledger,
  queue: Queue,
  batcher: Pick<PurchaseBatcher, 'decide' | 'stats'>,
  clock: Clock,
  { batchesMax, purchaseTtlMs, ids, log, confirmTimes, tracing = null, decidingQueue }: WorkerOptions,
): Worker {
  const stats: WorkerStats = { decided: 0, retried: 0, deadLettered: 0, tooOld: 0, reserved: 0, refused: 0 };
  /** Counted attempts that a failing backend interrupted, by purchase: they are repeated without another count. */
  const brokenOff = new Map<string, number>();
  let consumer: Consumer | undefined;

  async function handle(deliveries: readonly Delivery[]): Promise<void> {
    const together: Purchase[] = [];
    const alone: Purchase[] = [];
    const unread: Unread[] = [];
    for (const delivery of deliveries) {
      const read = readPurchases(delivery, ids);
      for (const queued of read.purchases) {
        const purchase = { ...queued, decideBy: queued.acceptedAt + purchaseTtlMs };
        (delivery.redelivered ? alone : together).push(purchase);
      }
      unread.push(...read.unread);
    }
    if (together.length > 0) {
      try {
        await decide(together);
      } catch (error) {
        if (isBackendTrouble(error)) throw error;
        alone.unshift(...together);
      }
    }
    for (const purchase of await undecided(alone)) await decideAlone(purchase);
    // Last: after an earlier failure the whole message is redelivered, and would be dead-lettered twice.
    for (const one of unread) await deadLetter(one);
  }

  /** The outcome of an earlier delivery is final; another attempt would count against the purchase. */
  async function undecided(purchases: readonly Purchase[]): Promise<Purchase[]> {
    if (purchases.length === 0) return [];
    const ids = purchases.map(({ id }) => id);
    const found = await unlessBug(ledger.find(ids), new Map<string, Found>());
    const isFinal = ({ id }: Purchase) => (found.get(id)?.kind ?? 'needs_attention') !== 'needs_attention';
    stats.decided += purchases.filter(isFinal).length;
    return purchases.filter((purchase) => !isFinal(purchase));
  }

  async function decide(purchases: readonly Purchase[]): Promise<void> {
    const outcomes = await (tracing === null ? batcher.decide(purchases) : decideTraced(tracing, purchases));
    const now = clock();
    for (let i = 0; i < purchases.length; i++) {
      const outcome = outcomes[i]!;
      if (outcome.kind === 'reserved') stats.reserved++;
      else stats.refused++;
      if (outcome.kind === 'refused' && outcome.code === 'too_old') stats.tooOld++;
      confirmTimes?.record(now - purchases[i]!.acceptedAt);
    }
    stats.decided += purchases.length;
  }

  function decidedByTheQueue({ tookMs, reserved, tooOld }: DecidedBatch): void {
    stats.decided += tookMs.length;
    batcher.stats.decided += tookMs.length;
    stats.reserved += reserved;
    stats.refused += tookMs.length - reserved;
    stats.tooOld += tooOld;
    if (confirmTimes) for (const ms of tookMs) confirmTimes.record(ms);
  }

  async function decideTraced(by: Tracing, purchases: readonly Purchase[]): Promise<readonly Outcome[]> {
    const received = traceMessage(by, purchases, 'process');
    if (received === null) return batcher.decide(purchases);
    try {
      const outcomes = await batcher.decide(received.purchases);
      received.trace.end(outcomes);
      return outcomes;
    } catch (error) {
      received.trace.fail(error);
      throw error;
    }
  }

  async function decideAlone(purchase: Purchase): Promise<void> {
    // A purchase whose attempts cannot be counted has one.
    const counted = () => unlessBug(ledger.countAttempts([purchase.id]), [ATTEMPTS_MAX]);
    const attempt = brokenOff.get(purchase.id) ?? (await counted())[0]!;
    brokenOff.delete(purchase.id);
    try {
      await attemptAlone(purchase, attempt);
    } catch (error) {
      if (isBackendTrouble(error) && brokenOff.size < BROKEN_OFF_MAX) brokenOff.set(purchase.id, attempt);
      throw error;
    }
  }

  async function attemptAlone(purchase: Purchase, attempt: number): Promise<void> {
    if (attempt > ATTEMPTS_MAX) return giveUp(purchase, `gave no outcome in ${ATTEMPTS_MAX} attempts`);
    try {
      await decide([purchase]);
    } catch (error) {
      if (isBackendTrouble(error)) throw error;
      const cause = error instanceof Error ? error.message : String(error);
      if (attempt >= ATTEMPTS_MAX) return giveUp(purchase, cause.slice(0, CAUSE_CHARS_MAX));
      log.warn(
        { err: error },
        `purchase ${purchase.id} could not be decided (attempt ${attempt}); it will be retried`,
      );
      stats.retried++;
      await queue.publish('purchases', [encodePurchases([purchase])], {
        delayMs: backoffMs(attempt, RETRY_MS_MIN, RETRY_MS_MAX),
      });
    }
  }

  function giveUp(purchase: Purchase, cause: string): Promise<void> {
    return deadLetter({ message: encodePurchases([purchase]), cause, accepted: [purchase] });
  }

  async function deadLetter({ message, cause, accepted }: Unread): Promise<void> {
    const ids = accepted.map(({ id }) => id);
    log.warn(
      { err: new Error(cause) },
      `dead-lettered: ${ids.length === 1 ? `purchase ${ids[0]}` : `${message.items} purchases`}`,
    );
    // The dead letter last: after a failure between the two the purchase is redelivered, and there is no second dead letter.
    await unlessBug(ledger.markNeedsAttention(ids, true), undefined);
    await queue.deadLetter('purchases', message, cause);
    stats.deadLettered += message.items;
  }

  /** The result of `work`, or `otherwise` after a bug: a backend recovers, a bug would fail for ever. */
  async function unlessBug<T>(work: Promise<T>, otherwise: T): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (isBackendTrouble(error)) throw error;
      log.warn({ err: error }, 'a step of the worker failed and was skipped');
      return otherwise;
    }
  }

  return {
    stats,
    async start() {
      const options = { maxItems: BATCH_ITEMS_MAX, concurrency: batchesMax };
      consumer = decidingQueue
        ? await decidingQueue.consumePurchases({ ...options, purchaseTtlMs }, decidedByTheQueue, handle)
        : await queue.consume('purchases', options, handle);
    },
    async close() {
      await consumer?.close();
    },
  };
}

/** The ledger or queue failed, not the purchase: the message is redelivered and no attempt is counted. */
function isBackendTrouble(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'unavailable' || error.code === 'outcome_unknown');
}
