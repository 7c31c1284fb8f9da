/** Signals that ask a command to end, and their numbers. */
const SIGNALS = [
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const;

/** The clean-up steps, the newest last. */
const undoes = new Set<() => Promise<void>>();

/** Until the returned function is called, an interrupted command runs `undo` before it ends. */
export function undoneWhenInterrupted(undo: () => Promise<void>): () => void {
  undoes.add(undo);
  return () => void undoes.delete(undo);
}

/** Runs a command and cleans up its servers, backends and folders, also after a signal; then it exits with that signal's status. */
export async function unlessInterrupted(run: () => Promise<number>): Promise<number> {
  const interrupted = Promise.withResolvers<number>();
  let isInterrupted = false;
  async function end(number: number): Promise<void> {
    // A second signal does not wait.
    if (isInterrupted) process.exit(128 + number);
    isInterrupted = true;
    for (const undo of [...undoes].toReversed()) await undo().catch(() => {});
    interrupted.resolve(128 + number);
  }
  for (const [signal, number] of SIGNALS) process.on(signal, () => void end(number));
  try {
    const status = await Promise.race([run(), interrupted.promise]);
    return isInterrupted ? interrupted.promise : status;
  } catch (error) {
    // An error of the command caused by the clean-up.
    if (isInterrupted) return interrupted.promise;
    throw error;
  }
}
