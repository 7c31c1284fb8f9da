import { existsSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type App, openScratchApp, type StoreThread, startStoreThread } from '../app.ts';
import type { Config } from '../config.ts';
import { startServer } from '../http/server.ts';
import { removeFolder } from '../lib/own-folder.ts';
import { makeScratchFolder } from '../lib/scratch-folder.ts';
import { within } from '../lib/within.ts';
import { createLog, type Log } from '../telemetry/log.ts';
import { sendMadeUp } from './made-up-requests.ts';

/** From the beginning until no more requests are sent, and until a scratch app that hangs is left alone. */
const SEND_MS = 1_000;
const END_MS = 1_450;

/**
 * Lets the code of a sale be compiled before the first buyer comes: a second app and server in this process answer made-up requests, on a
 * store, a port and settings of their own, of which nothing stays. Resolves within 1.5 s, whatever happens.
 *
 * With the embedded backends it comes before the app is opened, and returns the thread that the store is to be opened in; undefined: any.
 * With others it needs the opened app, whose ledger then decides the made-up purchases: objects of another ledger's shape would have code
 * compiled that the first buyer throws away.
 */
export async function warmUp(config: Config, log: Log, app?: App): Promise<StoreThread | undefined> {
  if (!config.warmsUp) return undefined;
  const startedAtMs = performance.now();
  const thread = await startStoreThread();
  const work = serveScratches(config, thread, startedAtMs + SEND_MS, app);
  const isDone = await within(work, END_MS).then(
    (requests) => {
      log.debug({ requests, tookMs: Math.round(performance.now() - startedAtMs) }, 'warmed up');
      return true;
    },
    (error) => {
      log.warn({ err: error }, 'the warm-up was not finished; the start goes on without it');
      return false;
    },
  );
  if (isDone && !app) return thread;
  // Work that is late still takes away what it made.
  void work.catch(() => {}).finally(() => thread.terminate());
  return undefined;
}

/**
 * Returns how many requests were sent. They must not go to the first app of this process: JavaScriptCore takes what only one closure has
 * for a constant, and throws the compiled code away when a second one is made. With one scratch app a purchase among the first thousand
 * took 87 µs of CPU, with another one before it 74, without a warm-up 145.
 */
async function serveScratches(
  config: Config,
  thread: StoreThread,
  untilMs: number,
  opened: App | undefined,
): Promise<number> {
  if (!opened) await serveScratch(config, thread, 0, undefined);
  return serveScratch(config, thread, untilMs, opened);
}

async function serveScratch(
  config: Config,
  thread: StoreThread,
  untilMs: number,
  opened: App | undefined,
): Promise<number> {
  const products = madeUpProducts();
  const dataFolder = makeScratchFolder();
  const remove = () => removeFolder(dataFolder);
  process.once('exit', remove);
  try {
    const lost = Promise.withResolvers<never>();
    // It may come before anybody waits for it.
    lost.promise.catch(() => {});
    const silence = createLog('silent', { write() {} });
    const sells = (await opened?.openScratch?.(Object.values(products), madeUpId)) ?? null;
    try {
      const scratch = scratchConfig(config, dataFolder);
      const app = await openScratchApp(scratch, silence, thread, lost.reject, sells);
      try {
        return await Promise.race([serveMadeUp(app, scratch, products, untilMs), lost.promise]);
      } finally {
        await app.close();
      }
    } finally {
      await sells?.leave();
    }
  } finally {
    // SQLite closes its files, and their memory is freed, when the last statement is garbage-collected.
    if (existsSync(join(dataFolder, DATABASE_FILE))) truncateSync(join(dataFolder, DATABASE_FILE));
    remove();
    process.off('exit', remove);
  }
}

async function serveMadeUp(app: App, config: Config, products: MadeUp, untilMs: number): Promise<number> {
  await app.service.ledger.addProducts(Object.values(products));
  const server = startServer(app.service, SERVER);
  try {
    await app.start(config);
    return await sendMadeUp(server.url, products, { untilMs, isDecided: config.worker });
  } finally {
    app.leave();
    await server.stop(true);
    await app.finishPurchases();
  }
}

type MadeUp = ReturnType<typeof madeUpProducts>;

function madeUpProducts() {
  const terms = { name: 'Warm-up', priceMinor: 1_00, currency: 'USD' };
  return {
    /** More than are bought in a second. */
    plenty: { ...terms, id: madeUpId(), units: 1_000_000_000 },
    /** So few that nearly everybody is refused. */
    few: { ...terms, id: madeUpId(), units: 100 },
  };
}

/** Ten digits: shops count from 1. Larger ones would not be the small integers to the compiler that shops' ids are. */
function madeUpId(): number {
  return 1_000_000_000 + Math.floor(Math.random() * 1_000_000_000);
}

const DATABASE_FILE = 'pulsecart.db';
const SERVER = { host: '127.0.0.1', port: 0, managementPort: null, sharesPort: false, logRequests: false };

/** The settings of the server to come, but on its own, telling nobody, with buyers who need no token and a company that answers. */
function scratchConfig(config: Config, dataFolder: string): Config {
  const { payments, trustedProxies } = config;
  return {
    ...config,
    ...{ dataFolder, urls: null, traces: null, webhooks: null, auth: null, stripe: null },
    // Another ledger's orders are none of the store's.
    ...(config.urls && { worker: false, runsPayments: false }),
    payments: { ...payments, latencyMs: 0, jitterMs: 0, timeoutRate: 0, outageRate: 0 },
    // Where proxies are known, an address without one is limited.
    trustedProxies: trustedProxies.length === 0 ? [] : [...trustedProxies, `${SERVER.host}/32`],
  };
}
