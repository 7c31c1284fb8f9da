import { setTimeout as sleep } from 'node:timers/promises';
import type { Order } from '../../domain/order.ts';
import type { TraceContext } from '../../domain/trace-context.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Log } from '../../lib/log.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { ChargeResult, LeasedOrder } from '../../ports/payments.ts';
import type { PaymentProvider } from '../../ports/provider.ts';
import type { Delivery, Queue } from '../../ports/queue.ts';
import type { Tracing } from '../../ports/tracing.ts';
import { batchOrEach } from './batch-or-each.ts';
import { callProvider } from './call-provider.ts';
import type { ChargeEnqueuer } from './charge-enqueuer.ts';
import { traceCharge } from './charge-trace.ts';
import { type CallResult, createLeasedWork } from './leased-work.ts';
import { readOrderIds } from './message.ts';
import type { PaymentStats } from './stats.ts';
import type { PaymentTiming } from './timing.ts';

export interface ChargesDependencies {
  readonly ledger: Pick<Ledger, 'lease' | 'noteProviderId' | 'settle'>;
  readonly queue: Pick<Queue, 'deadLetter'>;
  readonly provider: PaymentProvider;
  readonly enqueuer: Pick<ChargeEnqueuer, 'enqueueLater' | 'lastAddedAtMs'>;
  readonly stats: Pick<PaymentStats, 'failedAttempts' | 'unanswered'>;
  readonly tracing: Tracing | null;
  readonly log: Log;
  readonly timing: Pick<PaymentTiming, 'leaseMs' | 'retryMsMax'>;
  readonly inFlightMax: number;
  readonly stopping: AbortSignal;
  readonly deadline: AbortSignal;
}

/** Orders per lease: about 1.5 ms of work with the embedded backends, after which waiting requests get their turn. */
export const LEASE_ORDERS_MAX = 100;

/** An order newer than this means that buyers are waiting for answers on the same thread. */
const RUSH_MS = 50;

/**
 * Rest after each batch during a rush: it limits charging to some 1,000 orders/s, a twentieth of a thread. A buyer waits for the
 * answer, not for the charge; after the rush charging runs at full speed.
 */
const RUSH_REST_MS = 100;

/**
 * Orders that have waited for so long, or for half of a shorter hold, are charged at full speed, rush or not, so that no hold runs
 * out because of the rests.
 */
const LATE_MS = 5_000;

/** The first pause before another charge attempt. */
const RETRY_MS_FIRST = 250;

interface Charge {
  readonly leased: LeasedOrder;
  /** The trace of the order's message. */
  readonly parent: TraceContext | undefined;
}

/** Charges the orders that the payments queue brings. */
export function createCharges(dependencies: ChargesDependencies) {
  const { ledger, queue, provider, enqueuer, stats, tracing, log, timing } = dependencies;
  const begins = provider.buyerPays ? 'hidden' : 'all';
  const work = createLeasedWork<Charge, ChargeResult>({
    ...dependencies,
    name: 'charge',
    probesMax: LEASE_ORDERS_MAX,
    ask,
    settle,
  });

  /** A handler of the payments queue. When it rejects the orders are redelivered, and those leased by then are left out. */
  async function handle(deliveries: readonly Delivery[]): Promise<void> {
    const read = deliveries.map(readOrderIds);
    const orderIds = read.flatMap((each) => each.orderIds);
    const traces = new Map(read.flatMap((each) => [...each.traces]));
    while (orderIds.length > 0) {
      let leased: readonly LeasedOrder[] = [];
      await work.begin(Math.min(orderIds.length, LEASE_ORDERS_MAX), async (places) => {
        leased = await lease(orderIds.splice(0, places));
        return leased.map((one) => ({ leased: one, parent: traces.get(one.order.id) }));
      });
      const restMs = restFor(leased, performance.now() - enqueuer.lastAddedAtMs());
      await (restMs > 0 ? sleep(restMs) : nextTurn());
    }
    // Last: after an earlier failure the whole message is redelivered, and would be dead-lettered twice.
    for (const { unread } of read)
      if (unread) await queue.deadLetter('payments', unread.message, unread.cause);
  }

  async function lease(orderIds: readonly string[]): Promise<readonly LeasedOrder[]> {
    const leased = await batchOrEach(
      orderIds,
      (ids) => ledger.lease(ids, timing.leaseMs, begins),
      // Not dead-lettered: the sweep would find the order again and again. It expires with its hold.
      (id, error) => log.warn({ err: error }, `order ${id} not leased`),
    );
    return leased.flat();
  }

  async function ask({ leased, parent }: Charge): Promise<CallResult<ChargeResult>> {
    const { order, attempt, leases, providerId } = leased;
    const orderId = order.id;
    const trace = tracing && traceCharge(tracing, leased, parent);
    const answer = await callProvider(provider, leased, log);
    trace?.end(answer);
    if (answer === null) {
      stats.unanswered++;
      return { orderId, isAnswer: false, result: null };
    }
    if (answer.type !== 'waiting') {
      const isAnswer = answer.type !== 'attempt_failed';
      return { orderId, isAnswer, result: { orderId, attempt, leases, result: answer } };
    }
    // The buyer's call that began the attempt has died before it could note the id.
    if (providerId === null) await note(orderId, attempt, answer.providerId);
    return { orderId, isAnswer: true, result: null };
  }

  async function note(orderId: string, attempt: number, providerId: string): Promise<void> {
    try {
      await ledger.noteProviderId(orderId, attempt, providerId);
    } catch (error) {
      log.warn({ err: error }, `payment ${providerId} of order ${orderId} not noted yet`);
    }
  }

  async function settle(results: readonly ChargeResult[]): Promise<void> {
    await ledger.settle(results);
    const failed = results.filter(({ result }) => result.type === 'attempt_failed');
    stats.failedAttempts += failed.length;
    for (const [attempt, some] of Map.groupBy(failed, (one) => one.attempt)) {
      const orderIds = some.map(({ orderId }) => orderId);
      void enqueuer.enqueueLater(orderIds, backoffMs(attempt, RETRY_MS_FIRST, timing.retryMsMax));
    }
  }

  return { handle, inFlight: work.inFlight, drained: work.drained };
}

/** Milliseconds to leave to buyers after charging `leased`, when the newest order is `lastOrderAgeMs` old. */
export function restFor(
  leased: readonly { readonly order: Pick<Order, 'createdAt' | 'expiresAt'>; readonly beganAt: number }[],
  lastOrderAgeMs: number,
): number {
  if (lastOrderAgeMs >= RUSH_MS) return 0;
  const isLate = leased.some(({ order: { createdAt, expiresAt }, beganAt }) => {
    return beganAt - createdAt > Math.min(LATE_MS, (expiresAt - createdAt) / 2);
  });
  return isLate ? 0 : RUSH_REST_MS;
}
