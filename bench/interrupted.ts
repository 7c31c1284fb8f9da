import { canErase } from '../src/cli/terminal.ts';

/** Signals that ask a command to end, and their numbers. */
const SIGNALS = [
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const;

/** The clean-up steps, the newest last. */
const undoes = new Set<() => Promise<void>>();

let isInterrupted = false;

/** What a command that is cleaned up brings to its end is no result. */
export function wasInterrupted(): boolean {
  return isInterrupted;
}

/** Until the returned function is called, an interrupted command runs `undo` before it ends. */
export function undoneWhenInterrupted(undo: () => Promise<void>): () => void {
  undoes.add(undo);
  return () => void undoes.delete(undo);
}

let waiting: (() => void) | null = null;

/** Resolves at the next signal, which then ends nothing else. */
export function nextSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting = resolve;
  return promise;
}

/**
 * Runs a command and cleans up its servers, backends and folders, also after a signal; then it says so in one line, and exits
 * with that signal's status.
 */
export async function unlessInterrupted(
  command: 'demo' | 'bench',
  stopped: string,
  run: () => Promise<number>,
): Promise<number> {
  const interrupted = Promise.withResolvers<number>();
  async function end(name: string, number: number): Promise<void> {
    if (waiting) {
      waiting();
      waiting = null;
      return;
    }
    // A second signal does not wait.
    if (wasInterrupted()) {
      console.error(`pulsecart ${command}: ended at once; the next one removes what this one left`);
      process.exit(128 + number);
    }
    isInterrupted = true;
    const failures: string[] = [];
    for (const undo of [...undoes].toReversed()) {
      await undo().catch((error: Error) => failures.push(error.message));
    }
    const left =
      failures.length === 0 ? 'nothing is left' : `not all could be removed: ${failures.join('; ')}`;
    // The terminal has shown ^C at the margin.
    const margin = canErase(process.stderr) ? '\r' : '';
    console.error(`${margin}pulsecart ${command}: ${stopped} by ${nameOf(name)}; ${left}`);
    interrupted.resolve(128 + number);
  }
  for (const [signal, number] of SIGNALS) process.on(signal, () => void end(signal, number));
  try {
    const status = await Promise.race([run(), interrupted.promise]);
    return wasInterrupted() ? interrupted.promise : status;
  } catch (error) {
    // An error of the command caused by the clean-up.
    if (wasInterrupted()) return interrupted.promise;
    throw error;
  }
}

/** As people know it. */
export function nameOf(signal: string): string {
  return signal === 'SIGINT' ? 'Ctrl-C' : signal;
}
