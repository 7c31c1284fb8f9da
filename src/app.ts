import { hostname } from 'node:os';
import packageJson from '../package.json' with { type: 'json' };
import { createSales } from './app/catalog/sales.ts';
import { createChangeBus, publishing } from './app/changes.ts';
import { createLeader } from './app/maintenance/leader.ts';
import { createReconciler } from './app/maintenance/reconciler.ts';
import { createRetention } from './app/maintenance/retention.ts';
import { auditInChild } from './app/ops/audit-child.ts';
import { createAuditRun } from './app/ops/audit-run.ts';
import { createDeadLetters } from './app/ops/dead-letters.ts';
import { createPaymentProcessor } from './app/payments/processor.ts';
import { createPurchaseBatcher } from './app/purchase/batcher.ts';
import { createConclude } from './app/purchase/conclude.ts';
import { createIntake } from './app/purchase/intake.ts';
import { createStockCache } from './app/purchase/stock-cache.ts';
import { createTracking } from './app/purchase/tracking.ts';
import { createWorker } from './app/purchase/worker.ts';
import { createStockStream } from './app/stream/stream.ts';
import type { Config } from './config.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from './domain/ids.ts';
import { FIRST_PRODUCTS } from './domain/product.ts';
import type { OperatorAccess } from './http/operator.ts';
import type { Service } from './http/service.ts';
import type { Backends } from './ports/backends.ts';
import { createLiveStats } from './telemetry/live-stats.ts';
import type { Log } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { registerMetrics } from './telemetry/watch.ts';
import { watchReconciler } from './telemetry/watch-reconciler.ts';

/** Every use case of one process, wired to its backends. */
export interface App {
  /** What the HTTP routes need. */
  readonly service: Service;
  /** Starts what works by itself: worker, payments, reconciler. */
  start(roles: { readonly worker: boolean; readonly runsPayments: boolean }): Promise<void>;
  /** From now on health and readiness say no, waiting readers are answered with what is known, and an audit is ended. */
  leave(): void;
  /** Sends live viewers elsewhere. Those who come here again are sent away again, so nothing may listen any more. */
  endStreams(): Promise<void>;
  /** Answers what was taken in; nothing new is. */
  finishPurchases(): Promise<void>;
  /** Ends the work under way, then the backends. */
  close(): Promise<void>;
}

/** Of a process without an API. */
const NOBODY: OperatorAccess = { token: crypto.randomUUID(), trustsThisMachine: false };

export async function createApp(
  config: Config,
  log: Log,
  backends: Backends,
  operators: OperatorAccess = NOBODY,
): Promise<App> {
  const { gate, queue, feed, provider, clock, atOnce } = backends;
  const onTrouble = (error: unknown, context: string) => log.warn({ err: error }, context);
  const onBug = (error: unknown, context: string) => log.error({ err: error }, context);
  const monotonicMs = () => performance.now();
  const changes = createChangeBus(feed, onBug);
  const ledger = publishing(backends.ledger, changes, monotonicMs);
  if ((await ledger.products()).length === 0) await ledger.addProducts(FIRST_PRODUCTS);
  const ids = createPurchaseIds(await ledger.secret('purchase_ids', PURCHASE_ID_KEY_BYTES), clock);
  const metrics = createMetrics();
  const owner = `${hostname()}:${process.pid}:${crypto.randomUUID()}`;
  const leader = createLeader(ledger, owner);
  const stockCache = createStockCache({ ledger, changes, monotonicMs, clock, onTrouble });
  const payments = createPaymentProcessor({
    ledger,
    changes,
    queue,
    provider,
    isLeader: leader.isLeader,
    onTrouble,
    timing: { leaseMs: config.paymentLeaseMs },
    chargesInFlightMax: config.tuning.chargesInFlight,
  });
  const batcher = createPurchaseBatcher(ledger, gate, stockCache, monotonicMs, {
    batchesInFlightMax: atOnce.purchaseBatches,
    answerWithinMs: config.purchaseTimeoutMs,
    onBug,
  });
  const conclude = createConclude(
    ledger,
    clock,
    { sync: config.purchaseTimeoutMs, async: config.purchaseTtlMs },
    config.keep.outcomesMs,
    // Less than its reader may wait, who is then told that it is undecided.
    config.purchaseTimeoutMs / 2,
  );
  const tracking = createTracking(ledger, changes, ids, clock, {
    conclude,
    keepOutcomesMs: config.keep.outcomesMs,
    answerWithinMs: config.purchaseTimeoutMs,
  });
  const intake = createIntake(ledger, queue, stockCache, ids, clock, {
    publishesInFlightMax: atOnce.publishes,
    answerWithinMs: config.purchaseTimeoutMs,
  });
  const worker = createWorker(ledger, queue, batcher, clock, {
    batchesMax: atOnce.workerBatches,
    purchaseTtlMs: config.purchaseTtlMs,
    ids,
    onTrouble,
    confirmTimes: metrics.confirmTimes,
  });
  const deadLetters = createDeadLetters({ ledger, queue, ids });
  const sales = createSales({ ledger, gate, stockCache });
  const retention = createRetention({
    ledger,
    queue,
    deadLetters,
    clock,
    keep: config.keep,
    isLeader: leader.isLeader,
    onTrouble,
  });
  const reconciler = createReconciler({ ledger, stockCache, gate, queue, leader, monotonicMs, onTrouble });
  const stream = createStockStream({
    ledger,
    changes,
    stockCache,
    ids,
    conclude,
    clock,
    limits: config.streams,
    onTrouble,
  });
  const liveStats = createLiveStats({
    instance: `${hostname()}:${process.pid}`,
    metrics,
    intake,
    worker,
    payments,
    feed,
  });
  const auditRun = createAuditRun({
    ledger,
    owner,
    audit: (stop) => auditInChild(config.urls ? null : config.dataFolder, stop),
  });
  const { gateFigures } = backends;
  watchReconciler(metrics, reconciler);
  registerMetrics(metrics, {
    batcher,
    intake,
    worker,
    tracking,
    payments,
    stream,
    queue,
    ledger,
    retention,
    clock,
    ...(gateFigures && { gateFigures }),
  });
  let ready = true;

  return {
    service: {
      ledger,
      gate,
      queue,
      ids,
      stockCache,
      batcher,
      intake,
      tracking,
      deadLetters,
      auditRun,
      liveStats,
      sales,
      stream,
      conclude,
      clock,
      purchaseTimeoutMs: config.purchaseTimeoutMs,
      keepOutcomesMs: config.keep.outcomesMs,
      metrics,
      log,
      operators,
      healthNames: backends.healthNames,
      engines: backends.names,
      version: packageJson.version,
      dataFolder: config.urls ? process.cwd() : config.dataFolder,
      isReady: () => ready,
    },
    async start(roles) {
      await payments.start({ consume: roles.runsPayments });
      if (roles.worker) await worker.start();
      reconciler.start();
      retention.start();
      liveStats.start();
    },
    leave() {
      ready = false;
      tracking.close();
      // Nobody gets an answer any more once the port is closed, and an audit may take longer than that.
      void auditRun.close();
    },
    endStreams: stream.close,
    async finishPurchases() {
      await intake.close();
      await batcher.close();
    },
    async close() {
      liveStats.close();
      changes.close();
      stockCache.close();
      await auditRun.close();
      await stream.close();
      await worker.close();
      await payments.close();
      await reconciler.close();
      await retention.close();
      await leader.close();
      await backends.close();
    },
  };
}
