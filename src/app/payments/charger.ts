import { setTimeout as sleep } from 'node:timers/promises';
import type { TraceContext } from '../../domain/trace-context.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { LeasedOrder } from '../../ports/payments.ts';
import type { PaymentProvider } from '../../ports/provider.ts';
import type { Delivery, Queue } from '../../ports/queue.ts';
import type { Tracing } from '../../ports/tracing.ts';
import { batchOrEach } from './batch-or-each.ts';
import { nextTurn } from './batcher.ts';
import { callProvider } from './call-provider.ts';
import type { ChargeEnqueuer } from './charge-enqueuer.ts';
import type { ChargeResults } from './charge-results.ts';
import { traceCharge } from './charge-trace.ts';
import { readOrderIds } from './message.ts';
import { createOutage } from './outage.ts';
import type { Semaphore } from './semaphore.ts';
import type { PaymentStats } from './stats.ts';

export interface ChargerDependencies {
  readonly ledger: Pick<Ledger, 'lease' | 'noteProviderId'>;
  readonly queue: Pick<Queue, 'deadLetter'>;
  readonly provider: PaymentProvider;
  readonly enqueuer: Pick<ChargeEnqueuer, 'lastAddedAtMs'>;
  readonly results: ChargeResults;
  readonly semaphore: Semaphore;
  readonly stats: Pick<PaymentStats, 'unanswered'>;
  readonly tracing?: Tracing | null;
  readonly onTrouble: (error: unknown, context: string) => void;
  readonly leaseMs: number;
  readonly stopping: AbortSignal;
}

/** Orders per lease: about 1.5 ms of work with the embedded backends, after which waiting requests get their turn. */
export const LEASE_ORDERS_MAX = 100;

/** An order newer than this means that buyers are waiting for answers on the same thread. */
const RUSH_MS = 50;

/**
 * Rest after each batch during a rush: it limits charging to some 2,500 orders/s, less than a tenth of a thread and of
 * PostgreSQL. A buyer waits for the answer, not for the charge; after the rush charging runs at full speed.
 */
const RUSH_REST_MS = 40;

type Traces = ReadonlyMap<string, TraceContext>;
const NO_TRACES: Traces = new Map();

/** Leases orders and calls the provider for each, without waiting: the answers go to the results. */
export function createCharger(dependencies: ChargerDependencies) {
  const { ledger, queue, provider, enqueuer, results, semaphore, stats, onTrouble, leaseMs, stopping } =
    dependencies;
  const { tracing = null } = dependencies;
  const begins = provider.buyerPays ? 'hidden' : 'all';
  const outage = createOutage();

  /** A handler of the payments queue. When it rejects the orders are redelivered, and those leased by then are left out. */
  async function handle(deliveries: readonly Delivery[]): Promise<void> {
    const read = deliveries.map(readOrderIds);
    const orderIds = read.flatMap((each) => each.orderIds);
    const traces = tracing === null ? NO_TRACES : new Map(read.flatMap((each) => [...each.traces]));
    for (let at = 0; at < orderIds.length; at += LEASE_ORDERS_MAX) {
      await begin(orderIds.slice(at, at + LEASE_ORDERS_MAX), traces);
    }
    // Last: after an earlier failure the whole message is redelivered, and would be dead-lettered twice.
    for (const { unread } of read)
      if (unread) await queue.deadLetter('payments', unread.message, unread.cause);
  }

  async function begin(orderIds: readonly string[], traces: Traces): Promise<void> {
    await pauseInOutage();
    await semaphore.acquire(orderIds.length);
    const leased = await lease(orderIds);
    semaphore.release(orderIds.length - leased.length);
    for (const order of leased) void charge(order, traces.get(order.order.id));
    await yieldToBuyers();
  }

  async function lease(orderIds: readonly string[]): Promise<readonly LeasedOrder[]> {
    try {
      return await batchOrEach(
        orderIds,
        (ids) => ledger.lease(ids, leaseMs, begins),
        // Not dead-lettered: the sweep would find the order again and again. It expires with its hold.
        (id, error) => onTrouble(error, `order ${id} not leased`),
      );
    } catch (error) {
      semaphore.release(orderIds.length);
      throw error;
    }
  }

  async function charge(leased: LeasedOrder, parent: TraceContext | undefined): Promise<void> {
    const trace = tracing === null ? null : traceCharge(tracing, leased, parent);
    const result = await callProvider(provider, leased, onTrouble);
    trace?.end(result);
    if (result?.type === 'waiting') {
      outage.heard(leased.order.id, true);
      if (leased.providerId === null) await note(leased, result.providerId);
      semaphore.release(1);
    } else if (result) {
      const { order, attempt, leases } = leased;
      outage.heard(order.id, result.type !== 'attempt_failed');
      results.record({ orderId: order.id, attempt, leases, result });
    } else {
      stats.unanswered++;
      semaphore.release(1);
    }
  }

  /** The buyer's call that began the attempt has died before it could. */
  async function note({ order, attempt }: LeasedOrder, providerId: string): Promise<void> {
    try {
      await ledger.noteProviderId(order.id, attempt, providerId);
    } catch (error) {
      onTrouble(error, `payment ${providerId} of order ${order.id} not noted yet`);
    }
  }

  async function yieldToBuyers(): Promise<void> {
    if (performance.now() - enqueuer.lastAddedAtMs() < RUSH_MS) await sleep(RUSH_REST_MS);
    else await nextTurn();
  }

  async function pauseInOutage(): Promise<void> {
    if (outage.isOn()) await sleep(outage.nextPauseMs(), undefined, { signal: stopping }).catch(() => {});
  }

  return { handle };
}
