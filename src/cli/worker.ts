import { openApp } from '../app.ts';
import { readWorkerConfig } from '../config.ts';
import { AppError } from '../domain/errors.ts';
import { type HttpServer, startManagement } from '../http/server.ts';
import { readFlags } from './flags.ts';
import { printHelp } from './help.ts';
import { stopInTime, stopSignal, stopUnopened } from './lifetime.ts';
import { refuseOpenNetworks } from './network-checks.ts';
import { openServerLog } from './server-log.ts';
import { warnOfUnknownSettings } from './unknown-settings.ts';

const FLAGS = {
  port: { kind: 'integer', min: 0, max: 65_535, default: -1 },
  host: { kind: 'text', what: 'an address' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart worker: decides queued purchases and charges orders; takes no requests

  --port N   health and metrics (/actuator/…) there, 0 for any free port   (PULSECART_MANAGEMENT_PORT, not served)
  --host H   address for that                                              (HOST, 127.0.0.1; 0.0.0.0 in production)

It needs the distributed backends: DATABASE_URL, REDIS_URL, RABBITMQ_URL. PULSECART_WORKER=off leaves purchases to others,
PULSECART_PAYMENTS=off charges. Run as many as you like.

Example: pulsecart worker --port 8090`;

/** Runs until SIGTERM or SIGINT; resolves with the exit status. */
export async function workerCommand(argv: readonly string[]): Promise<number> {
  const startedAtMs = performance.now();
  const { help, port, host } = readFlags(argv, FLAGS);
  if (help) {
    printHelp(HELP);
    return 0;
  }
  const flag = port >= 0 && { PULSECART_MANAGEMENT_PORT: `${port}` };
  const config = readWorkerConfig({ ...process.env, ...flag }, { host });
  if (!config.urls) {
    throw new AppError(
      'invalid_request',
      'A worker needs the distributed backends: set DATABASE_URL, REDIS_URL and RABBITMQ_URL. With the embedded ones `pulsecart serve` does its work.',
    );
  }
  const log = openServerLog(config);
  warnOfUnknownSettings(process.env, log);
  await refuseOpenNetworks(config);
  const stopped = stopSignal();
  const app = await Promise.race([openApp(config, log), stopped]);
  if (typeof app === 'string') return stopUnopened(log, app);
  const { managementPort } = config;
  let management: HttpServer | undefined;
  try {
    if (managementPort !== null)
      management = startManagement(app.service, { ...config, port: managementPort, sharesPort: false });
    await app.start(config);
    const tookMs = Math.round(performance.now() - startedAtMs);
    log.info({ url: management?.url.origin ?? null, pid: process.pid, mode: config.mode, tookMs }, 'ready');
    await stopInTime(log, await stopped, async () => {
      app.leave();
      await app.close();
      await management?.stop(true);
    });
    return 0;
  } catch (error) {
    await app.close();
    throw error;
  }
}
