import { Counter, Gauge } from 'prom-client';
import type { Retention } from '../app/maintenance/retention.ts';
import type { AuditRun } from '../app/ops/audit-run.ts';
import type { PaymentProcessor } from '../app/payments/processor.ts';
import type { PurchaseBatcher } from '../app/purchase/batcher.ts';
import type { Intake } from '../app/purchase/intake.ts';
import type { Tracking } from '../app/purchase/tracking.ts';
import type { Worker } from '../app/purchase/worker.ts';
import type { StockStream } from '../app/stream/stream.ts';
import type { Clock } from '../domain/clock.ts';
import { available, type Product } from '../domain/product.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Queue, QueueName, QueueStatus } from '../ports/queue.ts';
import type { Tracing } from '../ports/tracing.ts';
import type { OfSeveral } from './families.ts';
import type { Labelled, Metrics } from './metrics.ts';

interface App {
  readonly batcher: PurchaseBatcher;
  readonly intake: Intake;
  readonly worker: Worker;
  readonly tracking: Tracking;
  readonly payments: PaymentProcessor;
  readonly stream: StockStream;
  readonly queue: Queue;
  readonly ledger: Ledger;
  readonly retention: Retention;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly auditRun: AuditRun;
  readonly version: string;
  /** Null without a collector. */
  readonly traces: Tracing | null;
  /** Undefined for a gate that cannot be in trouble. */
  readonly gateFigures: { readonly isOpen: boolean; readonly openings: number } | undefined;
}

/** Exports the stats that the process keeps anyway; they are read at each scrape. */
export function registerMetrics(app: App): void {
  const {
    metrics,
    batcher,
    intake,
    worker,
    tracking,
    payments,
    stream,
    queue,
    ledger,
    clock,
    retention,
    gateFigures,
    auditRun,
    version,
    traces,
  } = app;
  const counter = (name: string, help: string, read: () => number) =>
    metrics.watch(`pulsecart_${name}`, help, 'counter', read);
  const gauge = (name: string, help: string, read: () => number, ofSeveral: OfSeveral = 'sum') =>
    metrics.watch(`pulsecart_${name}`, help, 'gauge', read, ofSeveral);

  counter('spans_exported_total', 'Spans that the collector has taken', () => traces?.stats.exported ?? 0);
  counter('spans_dropped_total', 'Spans that were lost on the way to it', () => traces?.stats.dropped ?? 0);
  counter('purchase_batches_total', 'Batches committed by the purchase batcher', () => batcher.stats.batches);
  counter('purchases_decided_total', 'Purchases decided by the ledger', () => batcher.stats.decided);
  counter(
    'ledger_guard_fired_total',
    'Purchases that would have broken a rule of the tables, as sold + reserved <= total; each is a bug',
    () => batcher.stats.broken,
  );
  counter('gate_refused_total', 'Purchases refused by the gate', () => batcher.stats.refusedByGate);
  counter('gate_waited_total', 'Purchases that waited for units held by others', () => batcher.stats.waited);
  gauge(
    'gate_bypassed',
    '1 while batches go past the gate',
    () => Number(gateFigures?.isOpen ?? false),
    'max',
  );
  counter('admission_bypass_total', 'Times that the gate was in trouble', () => gateFigures?.openings ?? 0);
  gauge('purchases_inside', 'Purchases inside the purchase batcher now', () => batcher.stats.inside);
  counter('accepted_total', 'Async purchases accepted', () => intake.stats.accepted);
  counter('accepted_messages_total', 'Messages that carried them', () => intake.stats.messages);
  counter('worker_decided_total', 'Async purchases decided here', () => worker.stats.decided);
  counter('worker_retried_total', 'Async purchases put back for another attempt', () => worker.stats.retried);
  counter('worker_dead_lettered_total', 'Async purchases dead-lettered', () => worker.stats.deadLettered);
  gauge('tracking_waiting', 'Readers waiting for an outcome', () => tracking.waiting());
  gauge('stream_connections', 'Live subscribers now', () => stream.subscribers());
  counter('stream_events_sent_total', 'Events sent to live subscribers', () => stream.stats.sent);
  counter(
    'stream_events_dropped_total',
    'Times that a subscriber did not read and got a snapshot instead of its events',
    () => stream.stats.dropped,
  );
  counter(
    'stream_connections_rejected_total',
    'Streams refused because there were too many',
    () => stream.stats.rejected,
  );
  counter('orders_paid_total', 'Orders paid', () => payments.stats.paid);
  counter('orders_declined_total', 'Orders declined by the provider', () => payments.stats.declined);
  counter('orders_expired_total', 'Orders whose hold ran out', () => payments.stats.expired);
  counter(
    'charges_recovered_total',
    'Orders to charge that no message led to any more',
    () => payments.stats.recovered,
  );
  counter('charge_attempts_failed_total', 'Charge attempts that failed', () => payments.stats.failedAttempts);
  counter(
    'charge_attempts_unanswered_total',
    'Charge attempts without an answer',
    () => payments.stats.unanswered,
  );
  counter('outcomes_pruned_total', 'Outcomes deleted after their time', () => retention.stats.outcomes);
  counter('keys_pruned_total', 'Idempotency keys deleted after their time', () => retention.stats.keys);
  counter(
    'audit_entries_pruned_total',
    'Log entries deleted after their time',
    () => retention.stats.auditEntries,
  );
  counter(
    'dead_letters_pruned_total',
    'Dead letters discarded after their time',
    () => retention.stats.deadLetters,
  );
  counter('retention_failures_total', 'Runs broken off by a backend', () => retention.stats.failures);
  counter('orders_cancelled_total', 'Orders cancelled here', () => payments.stats.cancelled);
  counter('refunds_total', 'Captures given back', () => payments.stats.refunded);
  counter(
    'refund_tries_failed_total',
    'Tries to give one back that failed',
    () => payments.stats.failedRefunds,
  );
  counter(
    'late_payments_total',
    'Captures that the payment company reported late',
    () => payments.stats.latePayments,
  );
  const backAndTroubles = async () => ({ ...(await ledger.refundsDue()), ...(await ledger.openTroubles()) });
  metrics.watchSource('refunds_due', backAndTroubles, {
    pulsecart_refunds_due: ['Captures on their way back', ({ count }) => count],
    pulsecart_refunds_due_oldest_age_seconds: [
      'Since when the oldest of them is',
      ({ oldestAt }) => (oldestAt === null ? 0 : Math.max(0, clock() - oldestAt) / 1000),
    ],
    pulsecart_payment_disputes_open: ['Payments that customers dispute', ({ disputes }) => disputes],
    pulsecart_payment_refunds_failed: [
      'Payments whose refund failed after it was carried out',
      ({ failedRefunds }) => failedRefunds,
    ],
  });
  gauge('charges_in_flight', 'Charges under way', () => payments.stats.inFlight);
  metrics.watchSource('queues', () => queue.status(), {
    ...statsOf('purchases'),
    ...statsOf('payments'),
    pulsecart_dead_letters: [
      'Items that wait for an operator, by queue',
      (all) => all.map(({ name, deadLetters }) => [{ queue: name }, deadLetters.count]),
    ],
    pulsecart_dead_letters_oldest_age_seconds: [
      'Age of the oldest of them',
      (all) => all.map(({ name, deadLetters }) => [{ queue: name }, deadLetters.oldestAgeMs / 1000]),
    ],
  });
  metrics.watchSource('products', () => ledger.productsAfter(0, PRODUCTS_MAX), {
    pulsecart_units: [
      `Units by product and state, of the first ${PRODUCTS_MAX} products`,
      (products) => products.flatMap(unitsOf),
    ],
    pulsecart_oversold_units: [
      'Units of these products that are sold or reserved beyond what there is',
      (products) => products.reduce((sum, product) => sum + Math.max(0, -available(product)), 0),
    ],
  });
  watchAudits(metrics, auditRun);
  new Gauge({
    name: 'pulsecart_build_info',
    help: 'Always 1; the version that runs',
    labelNames: ['version'],
    aggregator: 'max',
    registers: [metrics.registry],
  }).set({ version }, 1);
}

/** Three series each: a shop with more products watches the sum of what it sells elsewhere. */
const PRODUCTS_MAX = 500;

/** Each process exports the audits that it ran itself. */
function watchAudits({ registry, watch }: Metrics, { stats }: AuditRun): void {
  new Counter({
    name: 'pulsecart_audits_total',
    help: 'Audits run here for operators, by result',
    labelNames: ['result'],
    registers: [registry],
    collect() {
      this.reset();
      for (const result of ['passed', 'breached', 'failed'] as const) this.inc({ result }, stats[result]);
    },
  });
  watch(
    'pulsecart_audit_breaches',
    'Verdicts that did not hold in the last audit here; 0 before the first',
    'gauge',
    () => stats.lastBreaches,
    'max',
  );
}

type QueueGauge = readonly [
  help: string,
  read: (all: readonly QueueStatus[]) => number | readonly Labelled[],
];

function statsOf(name: QueueName): Record<string, QueueGauge> {
  const statsIn = (all: readonly QueueStatus[]) => all.find((one) => one.name === name);
  return {
    [`pulsecart_queue_${name}_waiting`]: [
      `Items of the ${name} queue not yet done`,
      (all) => (statsIn(all)?.ready ?? 0) + (statsIn(all)?.unacknowledged ?? 0),
    ],
    [`pulsecart_queue_${name}_oldest_age_seconds`]: [
      'Age of its oldest message',
      (all) => (statsIn(all)?.oldestAgeMs ?? 0) / 1000,
    ],
  };
}

function unitsOf(product: Product): Labelled[] {
  const label = String(product.id);
  return [
    [{ product: label, state: 'available' }, available(product)],
    [{ product: label, state: 'reserved' }, product.reserved],
    [{ product: label, state: 'sold' }, product.sold],
  ];
}
