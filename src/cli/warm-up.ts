import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { type App, openScratchApp, type StoreThread, startStoreThread } from '../app.ts';
import type { Config } from '../config.ts';
import { startServer } from '../http/server.ts';
import { makeOwnFolder, removeFolder } from '../lib/own-folder.ts';
import { within } from '../lib/within.ts';
import { createLog, type Log } from '../telemetry/log.ts';
import { sendMadeUp } from './made-up-requests.ts';

/** From the beginning until no more requests are sent; on distributed backends the rest is for them. */
const SEND_MS = { embedded: 1_000, distributed: 700 } as const;
/** From then on a scratch app that hangs is left alone. */
const CLOSE_MS = 300;
/** For first calls of the distributed backends, and then for the end of those under way. */
const CALLS_MS = 300;
const CALLS_END_MS = 150;

/**
 * Lets the code of a sale be compiled before the first buyer comes: a second app and server in this process answer made-up requests, on a
 * store, a port and settings of their own, of which nothing stays. Resolves within 1.3 s, whatever happens. Returns the thread that the
 * embedded store is to be opened in; undefined: any.
 */
export async function warmUp(config: Config, log: Log): Promise<StoreThread | undefined> {
  if (!config.warmsUp) return undefined;
  const sendMs = SEND_MS[config.urls ? 'distributed' : 'embedded'];
  const untilMs = performance.now() + sendMs;
  const thread = await startStoreThread();
  const isDone = await tried(log, sendMs + CLOSE_MS, () => serveScratch(config, thread, untilMs));
  if (isDone && !config.urls) return thread;
  thread.terminate();
  return undefined;
}

/** Lets the backends of an opened app do what their first calls need. Resolves within half a second, whatever happens. */
export async function warmUpBackends({ warmUp }: App, config: Config, log: Log): Promise<void> {
  if (!config.warmsUp || !warmUp) return;
  await tried(log, CALLS_MS + CALLS_END_MS, () => warmUp(performance.now() + CALLS_MS));
}

/** Whether `work` was done in time: a start goes on without it. */
async function tried(log: Log, timeoutMs: number, work: () => Promise<void>): Promise<boolean> {
  try {
    await within(work(), timeoutMs);
    return true;
  } catch (error) {
    log.warn({ err: error }, 'the warm-up failed; the start goes on without it');
    return false;
  }
}

async function serveScratch(config: Config, thread: StoreThread, untilMs: number): Promise<void> {
  const dataFolder = makeOwnFolder('pulsecart-warm-', inMemory());
  try {
    const lost = Promise.withResolvers<never>();
    const silence = createLog('silent', { write() {} });
    const app = await openScratchApp(scratchConfig(config, dataFolder), silence, thread, lost.reject);
    try {
      await Promise.race([serveMadeUp(app, config, untilMs), lost.promise]);
    } finally {
      await app.close();
    }
  } finally {
    removeFolder(dataFolder);
  }
}

async function serveMadeUp(app: App, config: Config, untilMs: number): Promise<void> {
  await app.service.ledger.addProducts([PLENTY, SOLD_OUT]);
  const server = startServer(app.service, SERVER);
  try {
    await app.start(config);
    await sendMadeUp(server.url, { plenty: PLENTY.id, soldOut: SOLD_OUT.id }, untilMs);
  } finally {
    app.leave();
    await server.stop(true);
    await app.finishPurchases();
  }
}

/** More units than are bought in a second, and so few that nearly everybody is refused. */
const PLENTY = { id: 1_001, name: 'Plenty', priceMinor: 1_00, currency: 'USD', units: 1_000_000_000 };
const SOLD_OUT = { ...PLENTY, id: 1_002, name: 'Sold out', units: 100 };

const SERVER = { host: '127.0.0.1', port: 0, managementPort: null, sharesPort: false, logRequests: false };

/** The settings of the server to come, but on its own, telling nobody, with buyers who need no token and a company that answers. */
function scratchConfig(config: Config, dataFolder: string): Config {
  const { payments, trustedProxies } = config;
  return {
    ...config,
    ...{ dataFolder, urls: null, traces: null, webhooks: null, auth: null },
    payments: { ...payments, latencyMs: 0, jitterMs: 0, timeoutRate: 0, outageRate: 0 },
    // Where proxies are known, an address without one is limited.
    trustedProxies: trustedProxies.length === 0 ? [] : [...trustedProxies, `${SERVER.host}/32`],
  };
}

/** Where Linux keeps files in memory, unless TMPDIR names another place. */
function inMemory(): string {
  const place = tmpdir();
  return place === '/tmp' && existsSync('/dev/shm') ? '/dev/shm' : place;
}
