import type { Log } from '../telemetry/log.ts';

/** A container is usually killed 10 s after it is asked to stop. After this the process exits at once, which loses nothing. */
export const SHUTDOWN_DEADLINE_MS = 9_000;

/** Resolves at the first request to stop; later ones have no effect, because the deadline is running already. */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
}

/** Stops in order, or exits at the deadline. `left` is said in the end. */
export async function stopInTime(
  log: Log,
  signal: string,
  close: () => Promise<void>,
  left?: string,
): Promise<void> {
  log.info({ signal }, 'shutting down');
  const deadline = setTimeout(() => {
    log.error('the shutdown deadline has passed');
    process.exit(1);
  }, SHUTDOWN_DEADLINE_MS);
  await close();
  clearTimeout(deadline);
  log.info(left === undefined ? 'stopped' : `stopped; ${left}`);
}

/**
 * The exit status of a process that is asked to stop while it opens its backends: no work is in progress, and the opening
 * may take a minute, behind another process that migrates.
 */
export async function stopUnopened(log: Log, signal: string): Promise<number> {
  await stopInTime(log, signal, async () => {});
  return 0;
}
