import { AppError } from '../../../domain/errors.ts';
import { backoffMs } from '../../../lib/backoff.ts';
import { type Consumer, type Delivery, RETURN_DELAY_MS_MAX } from '../../../ports/queue.ts';
import type { NamedQueue } from './named-queue.ts';
import type { Taken, Tick } from './taken.ts';

/** First pause of a returned delivery, and after a tick that the store refused; both grow. */
const PAUSE_MS_FIRST = 20;

/** A closing consumer whose store fails gives up its last acknowledgements after this many tries (about 0.3 s). */
const CLOSING_ROUNDS_MAX = 5;

/** Work on a batch as a part of the commit that acknowledges it. It may be done again when that commit failed. */
interface InCommit {
  work(): void;
  /** Resolves when the news of the commit were heard. */
  committed(): Promise<void>;
}

/** Null: the batch is for the handler. */
export type Prepare = (taken: readonly Delivery[]) => InCommit | null;

/** Batches whose news may be under way: some 8,000 purchases, which a busy listener catches up with in one turn. */
const UNHEARD_MAX = 16;

/**
 * Ticks until closed. A tick acknowledges the messages handled since the last one and takes one more batch; between two
 * ticks the event loop does other work, so a long queue does not keep requests waiting.
 */
export function startConsumer(
  queue: NamedQueue,
  { maxItems, concurrency }: { readonly maxItems: number; readonly concurrency: number },
  handle: (deliveries: Delivery[]) => Promise<void>,
  onTrouble: (error: unknown) => void,
  prepare: Prepare = () => null,
): Consumer {
  let acked: Taken[] = [];
  let returned: Tick['returned'][number][] = [];
  /** Taken by the last tick, which counted the delivery; the next one works on it. */
  let prepared: (InCommit & { readonly taken: Taken[] }) | null = null;
  let handling = 0;
  let unheard = 0;
  let failures = 0;
  let scheduled = false;
  let closing = false;
  const ended = Promise.withResolvers<void>();
  const stopListening = queue.notifier.listen(schedule);
  schedule();

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(goRound);
  }

  function goRound(): void {
    scheduled = false;
    const hungry = !closing && handling < concurrency && unheard < UNHEARD_MAX;
    if (hungry || prepared || acked.length > 0 || returned.length > 0) {
      try {
        takeAndAcknowledge(hungry);
        failures = 0;
      } catch (error) {
        pauseRounds(error);
        return;
      }
    }
    if (closing && handling === 0 && !prepared) end();
  }

  function takeAndAcknowledge(hungry: boolean): void {
    const done = prepared;
    const taken = commit(done, hungry);
    acked = [];
    returned = [];
    const inCommit = taken.length > 0 ? prepare(taken) : null;
    prepared = inCommit && { ...inCommit, taken };
    if (done) void tell(done);
    if (taken.length > 0) {
      if (!prepared) void deliver(taken);
      schedule();
    } else if (hungry) {
      queue.notifyWhenDue();
    }
  }

  async function tell({ committed }: InCommit): Promise<void> {
    unheard++;
    await committed().catch(onTrouble);
    if (unheard-- === UNHEARD_MAX) schedule();
  }

  function commit(done: typeof prepared, hungry: boolean): Taken[] {
    const tick = {
      acked: done ? acked.concat(done.taken) : acked,
      returned,
      maxItems: hungry ? maxItems : 0,
    };
    try {
      return queue.tick(tick, done?.work);
    } catch (error) {
      // A bug; the handler finds out whose purchase it is.
      if (done && !(error instanceof AppError)) {
        prepared = null;
        void deliver(done.taken.map((message) => ({ ...message, redelivered: true })));
      }
      throw error;
    }
  }

  /** Nothing was committed, or the outcome is unknown: handled messages stay listed, and the next tick commits them (again). */
  function pauseRounds(error: unknown): void {
    onTrouble(error);
    failures++;
    if (closing && handling === 0 && failures >= CLOSING_ROUNDS_MAX) {
      end();
    } else {
      scheduled = true;
      setTimeout(goRound, backoffMs(failures, PAUSE_MS_FIRST, RETURN_DELAY_MS_MAX));
    }
  }

  async function deliver(taken: Taken[]): Promise<void> {
    handling++;
    try {
      await handle(taken);
      acked.push(...taken);
    } catch (error) {
      onTrouble(error);
      const deliveries = Math.max(...taken.map((message) => message.deliveries));
      const delayMs = backoffMs(deliveries, PAUSE_MS_FIRST, RETURN_DELAY_MS_MAX);
      returned.push(...taken.map((message) => ({ message, delayMs })));
    }
    handling--;
    schedule();
  }

  function end(): void {
    stopListening();
    ended.resolve();
  }

  return {
    close() {
      closing = true;
      schedule();
      return ended.promise;
    },
  };
}
