import { createBatcher } from '../../lib/batch.ts';
import type { Log } from '../../lib/log.ts';
import type { Queue } from '../../ports/queue.ts';
import type { Tracing } from '../../ports/tracing.ts';
import { traceEnqueue } from './charge-trace.ts';
import { chargeMessage, ORDERS_PER_MESSAGE } from './message.ts';

/** Publishes orders to charge to the payments queue. */
export interface ChargeEnqueuer {
  enqueue(orderIds: readonly string[]): void;
  /** The same, for orders to charge no sooner than in `delayMs`. */
  enqueueLater(orderIds: readonly string[], delayMs: number): Promise<void>;
  /** When an order was last enqueued (monotonic time); shows whether a sale is on. */
  lastAddedAtMs(): number;
  /** Publishes the rest. */
  close(): Promise<void>;
}

/** Orders published in one transaction: some 40 KB, and at 40,000 purchases/s still 40 transactions and not 400. */
const PUBLISH_ORDERS_MAX = 1_000;

/** An unnoticeable delay before charging, with at most 20 publishes in a busy second. */
const PUBLISH_LINGER_MS = 50;

/** About 10 MB of ids while the queue refuses messages. Further orders are left to the sweep. */
const WAITING_ORDERS_MAX = 100_000;

export function createChargeEnqueuer({
  queue,
  tracing = null,
  log,
}: {
  readonly queue: Pick<Queue, 'publish'>;
  readonly tracing?: Tracing | null;
  readonly log: Log;
}): ChargeEnqueuer {
  const batching = { itemsMax: PUBLISH_ORDERS_MAX, lingerMs: PUBLISH_LINGER_MS };
  const batcher = createBatcher<string>(batching, (orderIds) => publish(orderIds, 0));

  /** Never rejects: the orders are in the ledger, and the sweep finds those without a message. */
  async function publish(orderIds: readonly string[], delayMs: number): Promise<void> {
    const messages = [];
    const trace = tracing === null ? null : traceEnqueue(tracing, orderIds);
    for (let i = 0; i < orderIds.length; i += ORDERS_PER_MESSAGE) {
      const some = orderIds.slice(i, i + ORDERS_PER_MESSAGE);
      messages.push(chargeMessage(some, trace?.contextsOf(some)));
    }
    try {
      await queue.publish('payments', messages, { delayMs });
      trace?.end();
    } catch (error) {
      trace?.fail(error);
      log.warn({ err: error }, `${orderIds.length} orders not queued for charging; the sweep will find them`);
    }
  }

  let lastAddedAtMs = Number.NEGATIVE_INFINITY;

  return {
    enqueue(orderIds) {
      if (orderIds.length === 0) return;
      lastAddedAtMs = performance.now();
      if (batcher.waiting() < WAITING_ORDERS_MAX) batcher.add(orderIds);
    },
    enqueueLater: publish,
    lastAddedAtMs: () => lastAddedAtMs,
    close: batcher.drain,
  };
}
