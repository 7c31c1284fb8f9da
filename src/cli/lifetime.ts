import type { Log } from '../telemetry/log.ts';

/** A container is usually killed 10 s after it is asked to stop. Past this the process ends as it is, which loses nothing. */
const SHUTDOWN_DEADLINE_MS = 9_000;

/** Resolves at the first request to stop; later ones change nothing, the deadline is on its way already. */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
}

/** Stops in order, or ends the process at the deadline. */
export async function stopInTime(log: Log, signal: string, close: () => Promise<void>): Promise<void> {
  log.info({ signal }, 'shutting down');
  const deadline = setTimeout(() => {
    log.error('the shutdown deadline has passed');
    process.exit(1);
  }, SHUTDOWN_DEADLINE_MS);
  await close();
  clearTimeout(deadline);
  log.info('stopped');
}

/**
 * The exit status of a process that is asked to stop while its backends are being opened: nothing is under way, and to open
 * them may take a minute, behind somebody who migrates.
 */
export async function stopUnopened(log: Log, signal: string): Promise<number> {
  await stopInTime(log, signal, async () => {});
  return 0;
}
