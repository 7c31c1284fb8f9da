/** One job that runs again and again, one run at a time. Its timer does not keep the process alive. */
export interface Periodic {
  /**
   * Plans a run in `delayMs`, unless one is planned for earlier; without a first call nothing runs. The run waits for the one under
   * way, for the pace, and after a failure for the retry.
   */
  runIn(delayMs: number): void;
  /** Begins no more runs, and waits for the one under way. */
  close(): Promise<void>;
}

export type PeriodicOptions = {
  /** From the beginning of a run to that of the next one, at least. */
  readonly paceMs?: number | (() => number);
  /** Hears of each failed run, with how many they are in a row, this one included. */
  readonly onFailure: (error: unknown, failures: number) => void;
} & (
  | {
      /** From the end of a run to the beginning of the next one. */
      readonly everyMs: number | (() => number);
      /** The same after a failed run; `everyMs` unless given. */
      readonly retryMs?: number | ((failures: number) => number);
    }
  | {
      /** Without it only `runIn` and failures begin runs. */
      readonly everyMs?: undefined;
      readonly retryMs: number | ((failures: number) => number);
    }
);

export function createPeriodic(work: () => void | Promise<void>, options: PeriodicOptions): Periodic {
  const { everyMs = Number.POSITIVE_INFINITY, retryMs = everyMs, paceMs = 0, onFailure } = options;
  let timer: Timer | undefined;
  let dueAtMs = Number.POSITIVE_INFINITY;
  let earliestMs = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | null = null;
  let failures = 0;
  let closed = false;

  function runIn(delayMs: number): void {
    const atMs = Math.max(performance.now() + delayMs, earliestMs);
    if (atMs >= dueAtMs) return;
    dueAtMs = atMs;
    if (!running) schedule();
  }

  function schedule(): void {
    clearTimeout(timer);
    if (closed || dueAtMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.max(0, Math.ceil(dueAtMs - performance.now()));
    timer = setTimeout(() => {
      running = run();
    }, delayMs).unref();
  }

  async function run(): Promise<void> {
    dueAtMs = Number.POSITIVE_INFINITY;
    earliestMs = performance.now() + msOf(paceMs);
    try {
      await work();
      failures = 0;
      runIn(msOf(everyMs));
    } catch (error) {
      onFailure(error, ++failures);
      dueAtMs = Number.POSITIVE_INFINITY;
      const pauseMs = msOf(retryMs, failures);
      earliestMs = Math.max(earliestMs, performance.now() + pauseMs);
      runIn(pauseMs);
    }
    running = null;
    schedule();
  }

  return {
    runIn,
    async close() {
      closed = true;
      clearTimeout(timer);
      await running;
    },
  };
}

function msOf(ms: number | ((failures: number) => number), failures = 0): number {
  return typeof ms === 'function' ? ms(failures) : ms;
}
