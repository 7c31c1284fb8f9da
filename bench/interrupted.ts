/** Signals that ask a command to end, and their numbers. */
const SIGNALS = [
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const;

/** What has to be undone, the newest last. */
const undoes = new Set<() => Promise<void>>();

/** Until the answer is called, `undo` is what an interrupted command does before it ends. */
export function undoneWhenInterrupted(undo: () => Promise<void>): () => void {
  undoes.add(undo);
  return () => void undoes.delete(undo);
}

/** Runs a command whose servers, backends and folders go with it, also when it is asked to end: with that signal's status then. */
export async function unlessInterrupted(run: () => Promise<number>): Promise<number> {
  const interrupted = Promise.withResolvers<number>();
  let isInterrupted = false;
  async function end(number: number): Promise<void> {
    // Who asks a second time does not want to wait.
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
    // Of what was taken away under it.
    if (isInterrupted) return interrupted.promise;
    throw error;
  }
}
