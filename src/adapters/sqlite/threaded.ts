import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { createProbe } from '../../lib/probe.ts';
import type { DecidedBatch, DecidingQueue } from '../../ports/deciding-queue.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Consumer, Delivery, Queue } from '../../ports/queue.ts';
import { openSqliteLedger } from './ledger.ts';
import {
  type FromStore,
  pack,
  packError,
  type Sent,
  type StoreFolder,
  type ToStore,
  unpack,
  unpackError,
} from './protocol.ts';
import { openStoreReadOnly } from './store.ts';
import type { StoreMethods } from './store-thread.ts';

/** The embedded ledger and queue: a thread of their own writes, this thread reads. */
export interface ThreadedStore {
  readonly ledger: Ledger;
  readonly queue: Queue & DecidingQueue;
  /** Closes the store, and leaves its thread for another one to be opened there. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

/** The thread that writes, for one store after the other: its code stays compiled. */
export type StoreThread = Worker;

export function startStoreThread(): StoreThread {
  return new Worker(new URL('./store-thread.ts', import.meta.url).href);
}

interface Handlers {
  handle(deliveries: Delivery[]): Promise<void>;
  decided?(batch: DecidedBatch): void;
}

type Result<M extends keyof StoreMethods> = Awaited<ReturnType<StoreMethods[M]>>;

/**
 * Opens the store of `folder` in a store thread. Throws AppError `unusable_store` like `openStore`; the thread has ended then.
 *
 * Reads use a connection of this thread: SQLite's write-ahead log lets them see the last commit without waiting for the
 * writer. `onTrouble` receives errors that the queue retries; `onDeath` is called when a bug ended the thread, or when files
 * were deleted or replaced (an AppError), after which no write is possible.
 */
export async function openThreadedStore(
  folder: string,
  clock: Clock,
  onTrouble: (error: unknown) => void,
  onDeath: (error: unknown) => void,
  worker = startStoreThread(),
): Promise<ThreadedStore> {
  const gone = new Promise((resolve) => worker.addEventListener('close', resolve));
  const calls = new Map<number, { resolve(value: never): void; reject(error: unknown): void }>();
  const consumers = new Map<number, Handlers>();
  let lastCall = 0;
  let lastConsumer = 0;
  let ended: AppError | undefined;

  function send(message: ToStore): void {
    worker.postMessage(pack(message));
  }

  function call<M extends keyof StoreMethods>(
    method: M,
    ...args: Parameters<StoreMethods[M]>
  ): Promise<Result<M>> {
    if (ended) return Promise.reject(ended);
    const id = ++lastCall;
    send({ type: 'call', id, method, args });
    return new Promise((resolve, reject) => calls.set(id, { resolve, reject }));
  }

  /** The thread has ended: pending calls may or may not have been done, later calls are not. */
  function end(message: string, cause?: unknown): void {
    ended = new AppError('unavailable', message, { cause });
    for (const { reject } of calls.values()) reject(new AppError('outcome_unknown', message, { cause }));
    calls.clear();
  }

  async function handle(asked: Extract<FromStore, { type: 'deliver' | 'decided' }>): Promise<void> {
    const { id } = asked;
    try {
      const consumer = consumers.get(asked.consumer);
      if (!consumer) throw new AppError('unavailable', 'The consumer has ended.');
      if (asked.type === 'deliver') await consumer.handle(asked.deliveries);
      else {
        const askedAtMs = asked.batch.askedAtMs - performance.timeOrigin;
        consumer.decided?.({ ...asked.batch, askedAtMs });
      }
      send({ type: 'handled', id });
    } catch (error) {
      send({ type: 'handled', id, error: packError(error) });
    }
  }

  await new Promise<void>((resolve, reject) => {
    worker.onerror = (event) => {
      const error = new Error(event.message);
      reject(error);
      end('The store thread has ended.', error);
      onDeath(error);
    };
    worker.onmessage = ({ data }: MessageEvent<Sent>) => {
      const message = unpack<FromStore>(data);
      switch (message.type) {
        case 'result': {
          const waiting = calls.get(message.id);
          calls.delete(message.id);
          if (message.error) waiting?.reject(unpackError(message.error));
          else waiting?.resolve(message.value as never);
          return;
        }
        case 'deliver':
        case 'decided':
          void handle(message);
          return;
        case 'lost': {
          const error = unpackError(message.error);
          end(error.message, error);
          return onDeath(error);
        }
        case 'trouble':
          return onTrouble(unpackError(message.error));
        case 'ready':
          return resolve();
        case 'failed':
          worker.terminate();
          return reject(unpackError(message.error));
      }
    };
    worker.postMessage({ folder } satisfies StoreFolder);
  });

  const probe = createProbe(() => call('ping'));
  /** Ledger and queue are one store. */
  const ping = () => (ended ? Promise.reject(ended) : probe());

  const readStore = openStoreReadOnly(folder);
  const reader = openSqliteLedger(readStore, clock);
  const writes = Object.keys(reader).filter((name) => !READS.has(name as keyof Ledger));
  const ledger: Ledger = {
    ...reader,
    ...passedOn(writes),
    ping,
    async close() {},
  };

  const queue = {
    ...passedOn(['publish', 'deadLetter', 'deadLetters', 'replay', 'discard', 'status']),
    consume: (name, options, handle) => consumer({ handle }, (id) => call('consume', id, name, options)),
    consumePurchases: (options, decided, handle) =>
      consumer({ handle, decided }, (id) => call('consumePurchases', id, options)),
    ping,
    async close() {},
  } as Queue & DecidingQueue;

  async function consumer(handlers: Handlers, start: (id: number) => Promise<void>): Promise<Consumer> {
    const id = ++lastConsumer;
    consumers.set(id, handlers);
    await start(id);
    return {
      async close() {
        await call('closeConsumer', id);
        consumers.delete(id);
      },
    };
  }

  /** Methods of the store thread under their own names, with unchanged arguments. */
  function passedOn(names: readonly string[]) {
    return Object.fromEntries(
      names.map((name) => [name, (...args: never) => call(name as keyof StoreMethods, ...args)]),
    );
  }

  async function leave(): Promise<void> {
    readStore.close();
    try {
      await call('close');
    } finally {
      end('The store is closed.');
    }
  }

  return {
    ledger,
    queue,
    leave,
    async close() {
      try {
        await leave();
      } finally {
        // The connection closes only with the thread's memory; until then the file may be locked for a moment.
        worker.terminate();
        await gone;
      }
    },
  };
}

/** The reads of the serving thread. */
const READS: ReadonlySet<keyof Ledger> = new Set([
  'products',
  'product',
  'describedProduct',
  'productsAfter',
  'find',
  'order',
  'searchOrders',
  'unsettled',
  'asyncCounts',
  'auditLog',
  'refundsDue',
  'samples',
  'courseBegan',
  'note',
  'webhookTargets',
  'webhookBacklog',
  'dueWebhooks',
  'deadWebhooks',
  'openEvents',
  'openTroubles',
]);
