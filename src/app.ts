import { hostname, tmpdir } from 'node:os';
import packageJson from '../package.json' with { type: 'json' };
import { openSimulator } from './adapters/simulator/simulator.ts';
import type { StoreThread } from './adapters/sqlite/threaded.ts';
import { createProductReader } from './app/catalog/product-reader.ts';
import { createRemoval } from './app/catalog/removal.ts';
import { createSales } from './app/catalog/sales.ts';
import { createChangeBus, publishing, publishingDecisions } from './app/changes.ts';
import { createHistoryRecorder } from './app/maintenance/history-recorder.ts';
import { createLeader } from './app/maintenance/leader.ts';
import { createReconciler } from './app/maintenance/reconciler.ts';
import { createRetention } from './app/maintenance/retention.ts';
import { auditInChild } from './app/ops/audit-child.ts';
import { createAuditRun } from './app/ops/audit-run.ts';
import { createDeadLetters } from './app/ops/dead-letters.ts';
import { createHistory } from './app/ops/history.ts';
import { rushInChild } from './app/ops/rush-child.ts';
import { createRushRun } from './app/ops/rush-run.ts';
import { createPaymentProcessor } from './app/payments/processor.ts';
import { createPurchaseBatcher } from './app/purchase/batcher.ts';
import { createConclude } from './app/purchase/conclude.ts';
import { createIntake } from './app/purchase/intake.ts';
import { createStockCache } from './app/purchase/stock-cache.ts';
import { createTracking } from './app/purchase/tracking.ts';
import { createWorker } from './app/purchase/worker.ts';
import { createStockStream } from './app/stream/stream.ts';
import { traceFeed } from './app/traced-feed.ts';
import { createWebhooks, type Webhooks, type WebhooksDependencies } from './app/webhooks/deliverer.ts';
import { createNoWebhooks } from './app/webhooks/off.ts';
import { targetOf } from './app/webhooks/target.ts';
import { type BackendUrls, type Config, environmentWith } from './config.ts';
import { type Clock, systemClock } from './domain/clock.ts';
import { AppError, isAppError } from './domain/errors.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from './domain/ids.ts';
import { FIRST_PRODUCTS } from './domain/product.ts';
import { type Buyers, NO_BUYERS } from './http/buyers/buyers.ts';
import { createTrustedProxies } from './http/client-address.ts';
import { createLimits } from './http/limits/limits.ts';
import { knownOperator, type OperatorAccess, type OperatorTrust } from './http/operator.ts';
import type { Service } from './http/service.ts';
import { createSignIns } from './http/sign-ins.ts';
import { patiently } from './lib/patiently.ts';
import type { Backends, ScratchLedger } from './ports/backends.ts';
import type { PaymentProvider } from './ports/provider.ts';
import type { Queue } from './ports/queue.ts';
import type { Tracing } from './ports/tracing.ts';
import { createLiveFigures } from './telemetry/live-figures.ts';
import { createLiveStats } from './telemetry/live-stats.ts';
import type { Log } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { registerMetrics } from './telemetry/watch.ts';
import { watchBackends } from './telemetry/watch-backends.ts';
import { watchLimits, watchSignIns } from './telemetry/watch-limits.ts';
import { watchReconciler } from './telemetry/watch-reconciler.ts';
import { watchWebhooks } from './telemetry/watch-webhooks.ts';

/** Every use case of one process, wired to its backends. */
export interface App {
  /** The backends in one line, for people. */
  readonly description: string;
  /** See `Backends`. */
  readonly openScratch: Backends['openScratch'];
  /** What the HTTP routes need. */
  readonly service: Service;
  /** Starts the background work: worker, payments, reconciler. */
  start(roles: { readonly worker: boolean; readonly runsPayments: boolean }): Promise<void>;
  /** Makes health and readiness fail, answers waiting readers with the present state, and ends a running audit. */
  leave(): void;
  /** Tells live viewers to reconnect elsewhere. Here they would be refused again, so the port must be closed first. */
  endStreams(): Promise<void>;
  /** Answers accepted requests; new ones are refused. */
  finishPurchases(): Promise<void>;
  /** Finishes the running work, then closes the backends. */
  close(): Promise<void>;
}

/**
 * Opens the backends of this configuration and wires the use cases to them. Rejects with the AppError of a backend that
 * cannot be used; nothing is left open then. `operatorsOf` is asked once they are open: it may keep a token in the data folder.
 * `examine` answers the operators who ask what `doctor` would say here. `thread` is one that a scratch app has left.
 */
export async function openApp(
  config: Config,
  log: Log,
  operatorsOf = () => NO_API,
  examine: Service['examine'] = async () => [],
  thread?: StoreThread,
): Promise<App> {
  const backends = await patiently(
    () => openBackends(config, log, thread),
    config.backendsWaitMs,
    (error) => isAppError(error, 'unavailable'),
    ({ message }) => log.warn(`waiting for a backend, up to ${config.backendsWaitMs / 1000} s: ${message}`),
  );
  try {
    return await wire(config, log, backends, operatorsOf(), examine);
  } catch (error) {
    await backends.close();
    throw error;
  }
}

/**
 * The same use cases on embedded backends in `thread`, which stays when the app is closed: to serve made-up requests before another
 * app is opened. `onDeath` is called when no write is possible any more. `sells` is the ledger that purchases are decided by, where it is another.
 */
export async function openScratchApp(
  config: Config,
  log: Log,
  thread: StoreThread,
  onDeath: (error: unknown) => void,
  sells: ScratchLedger | null,
): Promise<App> {
  const backends = await openEmbedded(config, log, thread, onDeath);
  const ledger = { ...backends.ledger, ...sells };
  return wire(config, log, { ...backends, ledger }, NO_API, async () => []);
}

export type { StoreThread };

/** For `openScratchApp`. */
export async function startStoreThread(): Promise<StoreThread> {
  return (await import('./adapters/sqlite/threaded.ts')).startStoreThread();
}

async function wire(
  config: Config,
  log: Log,
  backends: Backends,
  operators: OperatorAccess,
  examine: Service['examine'],
): Promise<App> {
  const { gate, provider, clock, atOnce } = backends;
  // What other processes' consumers hold is told with their stats: a broker does not know it.
  const queue: Queue = {
    ...backends.queue,
    status: () => backends.queue.status(liveStats.consumersElsewhere()),
  };
  const traces = await openTraces(config, log, backends);
  const feed = traces?.systems.feed ? traceFeed(backends.feed, traces) : backends.feed;
  const monotonicMs = () => performance.now();
  const changes = createChangeBus(feed, log);
  const ledger = publishing(backends.ledger, changes, monotonicMs);
  if ((await ledger.products()).length === 0) await ledger.addProducts(FIRST_PRODUCTS);
  const owner = `${hostname()}:${process.pid}:${crypto.randomUUID()}`;
  const leader = createLeader(ledger, owner);
  const { isLeader } = leader;
  const webhooks = await openWebhooks(config, {
    ledger,
    changes,
    clock,
    isLeader,
    log,
  });
  await webhooks.begin();
  const ids = createPurchaseIds(await ledger.secret('purchase_ids', PURCHASE_ID_KEY_BYTES), clock);
  const metrics = createMetrics();
  const stockCache = createStockCache({ ledger, changes, monotonicMs, clock, log });
  const payments = createPaymentProcessor({
    ledger,
    changes,
    queue,
    provider,
    clock,
    isLeader: leader.isLeader,
    log,
    timing: { leaseMs: config.paymentLeaseMs },
    chargesInFlightMax: config.tuning.chargesInFlight,
    tracing: traces,
  });
  const batcher = createPurchaseBatcher(ledger, gate, stockCache, monotonicMs, {
    batchesInFlightMax: atOnce.purchaseBatches,
    answerWithinMs: config.purchaseTimeoutMs,
    tracing: traces,
    log,
  });
  const conclude = createConclude(
    ledger,
    clock,
    { sync: config.purchaseTimeoutMs, async: config.purchaseTtlMs },
    config.keep.outcomesMs,
    // Shorter than its reader's wait, so that the reader still gets "undecided".
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
    tracing: traces,
    marksOwners: config.auth !== null,
  });
  const worker = createWorker(ledger, queue, batcher, clock, {
    batchesMax: atOnce.workerBatches,
    purchaseTtlMs: config.purchaseTtlMs,
    ids,
    log,
    confirmTimes: metrics.confirmTimes,
    tracing: traces,
    decidingQueue: backends.decidingQueue && publishingDecisions(backends.decidingQueue, changes),
  });
  const deadLetters = createDeadLetters({ ledger, queue, ids });
  const sales = createSales({ ledger, gate, stockCache });
  const productReader = createProductReader(ledger, stockCache, monotonicMs);
  const { purchaseTimeoutMs } = config;
  const removeProduct = createRemoval({ ledger, gate, queue, deadLetters, clock, purchaseTimeoutMs });
  const retention = createRetention({
    ledger,
    queue,
    deadLetters,
    clock,
    keep: config.keep,
    isLeader: leader.isLeader,
    log,
  });
  const reconciler = createReconciler({ ledger, stockCache, gate, queue, leader, monotonicMs, log });
  const stream = createStockStream({
    ledger,
    changes,
    stockCache,
    ids,
    conclude,
    clock,
    limits: config.streams,
    log,
  });
  const liveStats = createLiveStats({
    instance: `${hostname()}:${process.pid}`,
    metrics,
    intake,
    worker,
    payments,
    queue,
    feed,
  });
  const auditRun = createAuditRun({
    ledger,
    owner,
    audit: (stop) => auditInChild(config.urls ? null : config.dataFolder, stop),
  });
  const rushRun = createRushRun({
    ledger,
    clock,
    owner,
    child: (url, request, onProgress) =>
      rushInChild(
        url,
        request,
        environmentWith({ PULSECART_OPERATOR_TOKEN: operators.token ?? undefined }),
        onProgress,
      ),
  });
  const shared = { ledger, queue, clock, metrics, stockCache, batcher, intake, tracking, stream };
  watchReconciler(metrics, reconciler);
  watchWebhooks(metrics, webhooks, ledger, clock);
  registerMetrics({
    ...shared,
    ...{ traces, worker, payments, retention, auditRun },
    version: packageJson.version,
    gateFigures: backends.gateFigures,
  });
  const dataFolder = config.urls ? workingFolder() : config.dataFolder;
  const { healthNames } = backends;
  const pings = {
    [healthNames.ledger]: () => ledger.ping(),
    [healthNames.queue]: () => queue.ping(),
    ...(healthNames.gate && { [healthNames.gate]: () => gate.ping() }),
  };
  watchBackends(metrics, pings, dataFolder);
  const engines = {
    [healthNames.ledger]: backends.names.ledger,
    [healthNames.queue]: backends.names.queue,
    ...(healthNames.gate && { [healthNames.gate]: backends.names.gate }),
  };
  const { gateFigures } = backends;
  const liveFigures = createLiveFigures({ ledger, queue, liveStats, pings, engines, gateFigures });
  const recorder = createHistoryRecorder({
    ledger,
    figures: liveFigures.now,
    clock,
    isLeader: leader.isLeader,
    keepMs: config.keep.historyMs,
    log,
  });
  const trustedProxies = createTrustedProxies(config.trustedProxies);
  const limits =
    config.limits &&
    createLimits({
      policies: config.limits,
      trustedProxies,
      knowsNoProxies: config.trustedProxies.length === 0,
      operatorOf: (req) => knownOperator(req, trust),
      log,
    });
  const signIns = createSignIns({ limits, trustedProxies, log });
  const { buyers, trust } = await openOwnBuyers(config, {
    ledger,
    ids,
    clock,
    log,
    trust: { operators, trustedProxies, signIns },
  });
  watchLimits(metrics, limits?.counts ?? null);
  watchSignIns(metrics, signIns);
  let ready = true;

  return {
    description: backends.description,
    openScratch: backends.openScratch,
    service: {
      ...shared,
      scrape: metrics.families,
      traces,
      gate,
      ids,
      deadLetters,
      auditRun,
      rushRun,
      isDevelopment: config.mode === 'development',
      liveFigures,
      history: createHistory({ ledger, clock }),
      sales,
      productReader,
      removeProduct,
      conclude,
      buyerPayments: payments.buyerPayments,
      providerTimeoutMs: config.stripe?.timeoutMs ?? 0,
      purchaseTimeoutMs,
      keepOutcomesMs: config.keep.outcomesMs,
      log,
      ...trust,
      corsOrigins: config.corsOrigins,
      buyers,
      limits,
      healthNames,
      engines: backends.names,
      version: packageJson.version,
      development: config.mode === 'development',
      dataFolder,
      examine,
      isReady: () => ready,
    },
    async start(roles) {
      await payments.start({ consume: roles.runsPayments });
      if (roles.worker) await worker.start();
      reconciler.start();
      retention.start();
      liveStats.start();
      recorder.start();
      webhooks.start();
    },
    leave() {
      ready = false;
      tracking.close();
      // After the port is closed no client gets an answer, and an audit may take longer than the rest.
      void auditRun.close();
      void rushRun.close();
    },
    endStreams: stream.close,
    async finishPurchases() {
      await intake.close();
      await batcher.close();
    },
    async close() {
      changes.close();
      stockCache.close();
      await auditRun.close();
      await rushRun.close();
      await stream.close();
      await worker.close();
      await payments.close();
      // Until now the consumers held messages, of which others know by nothing else.
      liveStats.close();
      await reconciler.close();
      await retention.close();
      await recorder.close();
      await webhooks.close();
      await leader.close();
      await Promise.all([backends.close(), traces?.close()]);
    },
  };
}

/** Without targets nothing of what delivers is loaded. */
async function openWebhooks(
  { webhooks, keep }: Config,
  parts: Omit<WebhooksDependencies, 'sender' | 'targets' | 'secrets' | 'retryMs' | 'keepDeadMs'>,
): Promise<Webhooks> {
  if (webhooks === null) return createNoWebhooks(parts.ledger, parts.isLeader, parts.log);
  const { openWebhookSender } = await import('./adapters/webhooks/sender.ts');
  const { urls, secrets, networks, retryMs, timeoutMs } = webhooks;
  const sender = openWebhookSender({ timeoutMs, allowedNetworks: networks });
  const targets = urls.map(targetOf);
  return createWebhooks({ ...parts, sender, targets, secrets, retryMs, keepDeadMs: keep.deadLettersMs });
}

/** Null without a collector, and then nothing of OpenTelemetry is loaded. */
async function openTraces(config: Config, log: Log, { names }: Backends): Promise<Tracing | null> {
  if (config.traces === null) return null;
  const { openTracing } = await import('./adapters/opentelemetry/tracing.ts');
  const { ledger, gate, queue, feed } = names;
  return openTracing({
    ...config.traces,
    resource: {
      'service.version': packageJson.version,
      'service.instance.id': crypto.randomUUID(),
      'host.name': hostname(),
      'process.pid': process.pid,
      ...config.traces.resource,
    },
    version: packageJson.version,
    systems: {
      ledger: ledger.toLowerCase(),
      gate: config.urls && gate.toLowerCase(),
      queue: queue.toLowerCase(),
      feed: config.urls && feed.toLowerCase(),
    },
    log,
  });
}

/** Without authentication, and in a process without an API, nothing of it is loaded. */
async function openOwnBuyers(
  { auth }: Config,
  { trust, ...given }: Pick<Service, 'ledger' | 'ids' | 'clock' | 'log'> & { readonly trust: OperatorTrust },
): Promise<{ readonly buyers: Buyers; readonly trust: OperatorTrust }> {
  if (auth === null || trust.operators === NO_API) return { buyers: NO_BUYERS, trust };
  const { openBuyersOf, openTokensOf } = await import('./http/buyers/open-buyers-of.ts');
  const tokens = openTokensOf(auth, given);
  const all = { ...trust, operatorTokens: auth.operatorClaim === null ? null : tokens };
  return { buyers: await openBuyersOf(auth, { ...given, trust: all, tokens }), trust: all };
}

/** For its disk. It may be gone, where a release is a folder that was swapped away. */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    return tmpdir();
  }
}

/** Of a process without an API: no token fits. */
const NO_API: OperatorAccess = { token: crypto.randomUUID(), trustsThisMachine: false };

/**
 * The one place that knows the adapters. They are loaded only when they are used: an embedded start should not wait for three
 * network clients.
 */
const openBackends = (config: Config, log: Log, thread?: StoreThread): Promise<Backends> =>
  config.urls ? openDistributed(config, config.urls, log) : openEmbedded(config, log, thread);

/** Ends the process when no write is possible any more, unless `onScratchDeath` is called instead. */
async function openEmbedded(
  config: Config,
  log: Log,
  thread?: StoreThread,
  onScratchDeath?: (error: unknown) => void,
): Promise<Backends> {
  const { openThreadedStore } = await import('./adapters/sqlite/threaded.ts');
  const { openMemoryGate } = await import('./adapters/memory/gate.ts');
  const { openMemoryFeed } = await import('./adapters/memory/feed.ts');
  const clock = systemClock;
  const store = await openThreadedStore(
    config.dataFolder,
    clock,
    (error) => log.warn({ err: error }, 'queue trouble; it is tried again'),
    onScratchDeath ??
      ((error) => {
        if (error instanceof AppError) log.fatal(error.message);
        else log.fatal({ err: error }, 'the store thread has ended');
        process.exit(1);
      }),
    thread,
  );
  const gate = openMemoryGate();
  const feed = openMemoryFeed();
  const provider = await openProvider(config, clock, log);
  const { purchaseBatches, workerBatches } = config.tuning;
  return {
    ledger: store.ledger,
    queue: store.queue,
    decidingQueue: store.queue,
    gate,
    feed,
    provider,
    clock,
    // There is one writer: a second batch would only wait for it, and be smaller than it could have been.
    atOnce: { purchaseBatches: purchaseBatches ?? 1, publishes: 1, workerBatches: workerBatches ?? 1 },
    names: {
      ledger: 'SQLite',
      gate: 'in process',
      queue: 'SQLite',
      feed: 'in process',
      payments: providerName(config),
    },
    description: `embedded: SQLite + in-process gate, data in ${config.dataFolder}`,
    healthNames: { ledger: 'db', queue: 'queue' },
    async close() {
      await provider.close();
      await feed.close();
      await gate.close();
      await (onScratchDeath ? store.leave() : store.close());
    },
  };
}

/** What is not used is not loaded: Stripe's client takes a while. */
async function openProvider(
  { stripe, payments }: Pick<Config, 'stripe' | 'payments'>,
  now: Clock,
  log: Log,
): Promise<PaymentProvider> {
  if (stripe === null) return openSimulator({ ...payments });
  const { openStripe } = await import('./adapters/stripe/stripe.ts');
  return openStripe({ ...stripe, now, log });
}

function providerName({ stripe }: Pick<Config, 'stripe'>): string {
  if (stripe === null) return 'simulator';
  return stripe.isLive ? 'Stripe' : 'Stripe, for tests';
}

async function openDistributed(
  config: Config,
  { databaseUrl, redisUrl, rabbitmqUrl }: BackendUrls,
  log: Log,
): Promise<Backends> {
  const { namespace, tuning, purchaseTimeoutMs } = config;
  const { openPostgresLedger } = await import('./adapters/postgres/ledger.ts');
  const { openRedisLink } = await import('./adapters/redis/link.ts');
  const { openRedisGate } = await import('./adapters/redis/gate.ts');
  const { createBreaker } = await import('./adapters/redis/breaker.ts');
  const { openRedisFeed } = await import('./adapters/redis/feed.ts');
  const { openRabbitQueue } = await import('./adapters/rabbitmq/queue.ts');
  const opened: { close(): Promise<void> }[] = [];
  async function open<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> {
    const backend = await opening;
    opened.unshift(backend);
    return backend;
  }
  const close = async () => {
    for (const backend of opened.splice(0)) await backend.close();
  };
  const purchaseBatches = tuning.purchaseBatches ?? PURCHASE_BATCHES;
  const workerBatches = tuning.workerBatches ?? WORKER_BATCHES;
  const poolSize = tuning.databasePool ?? purchaseBatches + workerBatches + OTHER_CONNECTIONS;
  try {
    const { ledger, clock, openScratch } = await openPostgresLedger({
      url: databaseUrl,
      poolSize,
      log,
      timeouts: { connectMs: purchaseTimeoutMs, buyerMs: purchaseTimeoutMs },
    });
    opened.unshift(ledger);
    const redis = await open(openRedisLink(redisUrl));
    const gate = createBreaker(await open(openRedisGate(redis, { namespace })), {
      monotonicMs: () => performance.now(),
      log,
    });
    const feed = await open(openRedisFeed(redis, { namespace, log }));
    const queue = await open(
      openRabbitQueue({
        url: rabbitmqUrl,
        namespace,
        log,
        ...(tuning.prefetch && { prefetch: tuning.prefetch }),
      }),
    );
    const provider = await open(openProvider(config, clock, log));
    return {
      ledger,
      queue,
      gate,
      gateFigures: gate.breaker,
      feed,
      provider,
      clock,
      openScratch,
      atOnce: { purchaseBatches, publishes: PUBLISHES, workerBatches },
      names: {
        ...{ ledger: 'PostgreSQL', gate: 'Redis', queue: 'RabbitMQ', feed: 'Redis' },
        payments: providerName(config),
      },
      description: 'PostgreSQL, Redis and RabbitMQ',
      healthNames: { ledger: 'db', gate: 'redis', queue: 'rabbit' },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Batches on their way to PostgreSQL at once: while one waits for the disk the next one is decided. */
const PURCHASE_BATCHES = 2;
const WORKER_BATCHES = 2;
/** Messages of accepted purchases that wait for RabbitMQ's confirm. More would only be smaller. */
const PUBLISHES = 2;
/** For payments, reads, the sweeps and probes, so that none of them waits behind batches. */
const OTHER_CONNECTIONS = 6;
