import packageJson from '../../package.json' with { type: 'json' };
import { type Config, readConfig } from '../config.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../domain/ids.ts';
import { FIRST_PRODUCTS } from '../domain/product.ts';
import { startServer } from '../http/server.ts';
import type { Service } from '../http/service.ts';
import { createLog, type Log } from '../observe/log.ts';
import { createMetrics } from '../observe/metrics.ts';
import { watchHouse } from '../observe/watch.ts';
import { createAcceptance } from '../purchase/acceptance.ts';
import { createCatalogue } from '../purchase/catalogue.ts';
import { createDesk } from '../purchase/desk.ts';
import { createTracking } from '../purchase/tracking.ts';
import { createWorker } from '../purchase/worker.ts';
import { createSettlement } from '../settlement/settlement.ts';
import type { Engines, OpenEngines } from './engines.ts';
import { readFlags } from './flags.ts';

const FLAGS = {
  port: { kind: 'text', what: 'a port' },
  host: { kind: 'text', what: 'an address' },
  data: { kind: 'text', what: 'a folder' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart serve: the API and the worker in one process

  --port N      port to listen on, 0 for any free one          (PORT, 8080)
  --host H      address to listen on                           (HOST, 127.0.0.1; 0.0.0.0 in production)
  --data DIR    folder of the data                             (PULSECART_DATA, ./data)

Example: pulsecart serve --port 8081 --data /var/lib/pulsecart`;

/** A container is usually killed 10 s after it is asked to stop. Past this the process ends as it is, which loses nothing. */
const SHUTDOWN_DEADLINE_MS = 9_000;
/** For requests still on their way in and answers on their way out; what was accepted is answered before this begins. */
const LAST_REQUESTS_MS = 2_000;

/** Runs until SIGTERM or SIGINT; resolves with the exit status. */
export async function serve(argv: readonly string[], openEngines: OpenEngines): Promise<number> {
  const startedAtMs = performance.now();
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    console.log(HELP);
    return 0;
  }
  const config = readConfig(process.env, flags);
  const log = createLog(config.logLevel);
  const stopped = stopSignal();
  const house = await open(config, log, await openEngines(config, log));
  announce(house.server.url, config, log, performance.now() - startedAtMs);
  const signal = await stopped;
  log.info({ signal }, 'shutting down');
  const deadline = setTimeout(() => {
    log.error('the shutdown deadline has passed');
    process.exit(1);
  }, SHUTDOWN_DEADLINE_MS);
  await house.close();
  clearTimeout(deadline);
  log.info('stopped');
  return 0;
}

async function open(config: Config, log: Log, engines: Engines) {
  const { ledger, gate, queue, provider, clock } = engines;
  let ready = true;
  try {
    if ((await ledger.products()).length === 0) await ledger.addProducts(FIRST_PRODUCTS);
    const key = await ledger.secret('purchase_ids', PURCHASE_ID_KEY_BYTES);
    const ids = createPurchaseIds(key, clock);
    const catalogue = createCatalogue(ledger, () => performance.now());
    const settlement = createSettlement({
      ledger,
      queue,
      provider,
      onStandings: (standings) =>
        void desk.follow(standings).catch((error) => log.warn({ err: error }, 'gate not told')),
      onTrouble: (error, context) => log.warn({ err: error }, context),
    });
    const desk = createDesk(ledger, gate, catalogue, () => performance.now(), {
      batchesInFlightMax: engines.batchesInFlightMax,
      onReserved: (orderIds) => settlement.enqueue(orderIds),
      onBug: (error, context) => log.error({ err: error }, context),
    });
    const tracking = createTracking(ledger, ids, clock, config.purchaseTtlMs);
    const acceptance = createAcceptance(ledger, queue, catalogue, ids, clock, {
      publishesInFlightMax: engines.publishesInFlightMax,
    });
    const worker = createWorker(ledger, queue, desk, clock, {
      purchaseTtlMs: config.purchaseTtlMs,
      onDecided: (purchaseIds) => tracking.decided(purchaseIds),
      onTrouble: (error, context) => log.warn({ err: error }, context),
    });
    const metrics = createMetrics();
    const service: Service = {
      ledger,
      gate,
      queue,
      ids,
      catalogue,
      desk,
      acceptance,
      tracking,
      clock,
      metrics,
      log,
      operators: { token: config.operatorToken, mode: config.mode },
      healthNames: engines.healthNames,
      engines: engines.names,
      version: packageJson.version,
      dataFolder: config.dataFolder,
      isReady: () => ready,
    };
    watchHouse(metrics, { desk, acceptance, worker, tracking, settlement, queue, ledger });
    const server = startServer(service, config);
    await settlement.start({ consume: config.settlement });
    if (config.worker) await worker.start();
    return {
      server,
      /** Not ready, then no new requests, then the answers owed, then the work under way, then the stores. */
      async close() {
        ready = false;
        tracking.close();
        const requestsAnswered = server.stop();
        await acceptance.close();
        await desk.close();
        await Promise.race([requestsAnswered, Bun.sleep(LAST_REQUESTS_MS)]);
        void server.stop(true);
        await worker.close();
        await settlement.close();
        await engines.close();
      },
    };
  } catch (error) {
    await engines.close();
    throw error;
  }
}

/** Resolves at the first request to stop; later ones change nothing, the deadline is on its way already. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
}

function announce(url: URL, config: Config, log: Log, tookMs: number): void {
  const base = url.href.replace(/\/$/, '');
  if (!process.stdout.isTTY) {
    log.info({ url: base, pid: process.pid, mode: config.mode, tookMs: Math.round(tookMs) }, 'ready');
    return;
  }
  const engines = `embedded: SQLite + in-process gate, data in ${config.dataFolder}`;
  console.log(`  PulseCart ready in ${(tookMs / 1000).toFixed(1)} s      ${engines}
  Buy          curl -X POST ${base}/api/v1/sync/purchase -H 'Content-Type: application/json' \\
                    -d '{"productId": 1, "quantity": 1, "userId": "me"}'
  API          ${base}/openapi.json
  Next         npm run demo          100,000 buyers, 1,000 units, one verdict`);
}
