import { setTimeout as sleep } from 'node:timers/promises';
import { openApp } from '../app.ts';
import { type Config, readConfig } from '../config.ts';
import { openNamedOperators } from '../http/named-operators.ts';
import { type HttpServer, startManagement, startServer } from '../http/server.ts';
import type { Service } from '../http/service.ts';
import type { Log } from '../telemetry/log.ts';
import { banner } from './banner.ts';
import { examineHere } from './examine.ts';
import { readFlags } from './flags.ts';
import { printHelp } from './help.ts';
import { type Addresses, REPLACED, replaced, tellSupervisor } from './instance.ts';
import { type InstanceMetrics, shareMetrics } from './instance-metrics.ts';
import { stopInTime, stopSignal, stopUnopened } from './lifetime.ts';
import { refuseOpenNetworks } from './network-checks.ts';
import { operatorAccess, whoOperates } from './own-token.ts';
import { logSales } from './sale-log.ts';
import { isForPeople, openServerLog } from './server-log.ts';
import { superviseInstances } from './supervisor.ts';
import { warnOfUnknownSettings } from './unknown-settings.ts';
import { warmUp } from './warm-up.ts';

const FLAGS = {
  port: { kind: 'text', what: 'a port' },
  host: { kind: 'text', what: 'an address' },
  data: { kind: 'text', what: 'a folder' },
  instances: { kind: 'text', what: 'a number of processes' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart serve: the API, and the worker unless PULSECART_WORKER=off

  --port N        port to listen on, 0 for any free one          (PORT, 8080)
  --host H        address to listen on                           (HOST, 127.0.0.1; 0.0.0.0 in production)
  --data DIR      folder of the data of the embedded backends    (PULSECART_DATA, ./data)
  --instances N   processes that share the port; needs DATABASE_URL, REDIS_URL and RABBITMQ_URL
                  (PULSECART_INSTANCES, 1). SIGHUP replaces them one after the other, without a failed request

Example: pulsecart serve --port 8081 --data /var/lib/pulsecart`;

/** For requests still arriving and answers being sent; accepted purchases are answered before this begins. */
const LAST_REQUESTS_MS = 2_000;

/**
 * Minimum time that a replaced server keeps answering: a client whose connection is silent for longer may send just as it is
 * closed. With half a second that happened to one of 256 busy connections on an overloaded machine.
 */
const REPLACED_DRAIN_MS = 2_000;

/** Runs until SIGTERM or SIGINT; resolves with the exit status. */
export async function serve(argv: readonly string[]): Promise<number> {
  const startedAtMs = performance.now();
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    printHelp(HELP);
    return 0;
  }
  const config = readConfig(process.env, flags);
  const log = openServerLog(config);
  warnOfUnknownSettings(process.env, log);
  await refuseOpenNetworks(config);
  if (config.instances > 1) {
    return superviseInstances(argv, config, log, (at) => announce(at, '', config, log, startedAtMs));
  }
  const stopped = stopSignal();
  const opened = await open(config, log, { sharesPort: false, stopped, scrapeOf: ({ scrape }) => scrape });
  if (typeof opened === 'string') return stopUnopened(log, opened);
  const { description, service, close } = opened;
  announce(opened, description, config, log, startedAtMs);
  if (isForPeople(config)) {
    const { stockCache, clock } = service;
    logSales(stockCache, await stockCache.refreshAll(), clock, (sentence) => log.info(sentence));
  }
  await stopInTime(log, await stopped, () => close(config.drainMs), whatIsLeft(config));
  return 0;
}

/** One of several servers on the same port, run by the supervisor. */
export async function serveInstance(argv: readonly string[]): Promise<number> {
  const config = readConfig(process.env, readFlags(argv, FLAGS));
  const log = openServerLog(config);
  const stopped = Promise.race([stopSignal(), replaced()]);
  let shared: InstanceMetrics | undefined;
  const opened = await open(config, log, {
    sharesPort: true,
    stopped,
    scrapeOf({ metrics }) {
      shared = shareMetrics(metrics);
      return shared.scrape;
    },
  });
  if (typeof opened === 'string') return stopUnopened(log, opened);
  const { managementUrl, close } = opened;
  if (managementUrl)
    log.info({ url: managementUrl.origin, pid: process.pid }, 'health and metrics of one process');
  tellSupervisor(opened);
  const why = await stopped;
  const drainMs = why === REPLACED ? Math.max(config.drainMs, REPLACED_DRAIN_MS) : config.drainMs;
  await stopInTime(log, why, async () => {
    await close(drainMs);
    await shared?.leave();
  });
  return 0;
}

interface OpenOptions {
  readonly sharesPort: boolean;
  readonly stopped: Promise<string>;
  /** What a scrape of the public port answers. */
  readonly scrapeOf: (service: Service) => Service['scrape'];
}

/** Returns the signal if it came before the backends were open. */
async function open(config: Config, log: Log, { sharesPort, stopped, scrapeOf }: OpenOptions) {
  // Before anything else is opened: a start with mistakes in it ends here.
  const named = config.operatorsFile === null ? null : openNamedOperators(config.operatorsFile, log);
  const warming = config.urls ? Promise.resolve(undefined) : warmUp(config, log);
  const opening = warming.then((thread) =>
    openApp(
      config,
      log,
      () => ({ ...operatorAccess(config), named }),
      () => examineHere(config),
      thread,
    ),
  );
  const app = await Promise.race([opening, stopped]);
  if (typeof app === 'string') return app;
  if (config.urls) await warmUp(config, log, app);
  const { managementPort } = config;
  let management: HttpServer | undefined;
  try {
    const shared = { ...app.service, scrape: scrapeOf(app.service) };
    // Until the end, so that a balancer hears of the shutdown there. While an instance is replaced there are two at its port.
    if (managementPort !== null)
      management = startManagement(app.service, { ...config, port: managementPort, sharesPort });
    const server = startServer(shared, { ...config, sharesPort });
    await app.start(config);
    return {
      url: server.url,
      managementUrl: management?.url ?? null,
      description: app.description,
      service: app.service,
      /** Not ready, then no new requests, then the answers owed, then the work under way, then the backends. */
      async close(drainMs: number) {
        app.leave();
        if (drainMs > 0) {
          server.drain();
          await sleep(drainMs);
        }
        const requestsAnswered = server.stop();
        await app.endStreams();
        await app.finishPurchases();
        await Promise.race([requestsAnswered, sleep(LAST_REQUESTS_MS)]);
        void server.stop(true);
        await app.close();
        named?.close();
        await management?.stop(true);
      },
    };
  } catch (error) {
    await management?.stop(true);
    await app.close();
    throw error;
  }
}

function announce(
  addresses: Addresses,
  backends: string,
  config: Config,
  log: Log,
  startedAtMs: number,
): void {
  const tookMs = performance.now() - startedAtMs;
  if (process.stdout.isTTY) console.log(banner(addresses, backends, config, tookMs));
  if (isForPeople(config)) return;
  const { url, managementUrl } = addresses;
  const { mode, instances } = config;
  log.info(`operators: ${whoOperates(config)}`);
  const base = url.href.replace(/\/$/, '');
  const management = managementUrl && { management: managementUrl.origin };
  log.info(
    { url: base, ...management, pid: process.pid, mode, instances, tookMs: Math.round(tookMs) },
    'ready',
  );
}

/** Where what was sold is, for the person who stops a server. */
function whatIsLeft(config: Config): string | undefined {
  if (!isForPeople(config)) return undefined;
  return config.urls
    ? 'orders and queues are in its backends'
    : `orders and queues are in ${config.dataFolder}`;
}
