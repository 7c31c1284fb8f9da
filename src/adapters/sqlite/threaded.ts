import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { createProbe } from '../../lib/probe.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Delivery, Queue } from '../../ports/queue.ts';
import { packPurchase, unpackDecision } from './decision-codec.ts';
import { openSqliteLedger } from './ledger.ts';
import { type FromStore, pack, packError, type Sent, type ToStore, unpack, unpackError } from './protocol.ts';
import { openStoreReadOnly } from './store.ts';
import type { StoreMethods } from './store-thread.ts';

/** The embedded ledger and queue, written by a thread of their own and read here. */
export interface ThreadedStore {
  readonly ledger: Ledger;
  readonly queue: Queue;
  close(): Promise<void>;
}

type Result<M extends keyof StoreMethods> = Awaited<ReturnType<StoreMethods[M]>>;

/**
 * Starts the store thread on `folder`. Throws AppError `unusable_store` like `openStore`.
 *
 * Reads go to a connection of this thread: SQLite's write-ahead log lets them see the last commit without waiting for the
 * writer. `onTrouble` hears of what the queue retries by itself; `onDeath` of a thread that ended by a bug, or of files that
 * were deleted or replaced (an AppError that says it), after which nothing can be written any more.
 */
export async function openThreadedStore(
  folder: string,
  clock: Clock,
  onTrouble: (error: unknown) => void,
  onDeath: (error: unknown) => void,
): Promise<ThreadedStore> {
  const worker = new Worker(new URL('./store-thread.ts', import.meta.url).href);
  const gone = new Promise((resolve) => worker.addEventListener('close', resolve));
  const calls = new Map<number, { resolve(value: never): void; reject(error: unknown): void }>();
  const handlers = new Map<number, (deliveries: Delivery[]) => Promise<void>>();
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

  /** Nobody answers any more: what was asked may or may not have been done, what will be asked is not. */
  function end(message: string, cause?: unknown): void {
    ended = new AppError('unavailable', message, { cause });
    for (const { reject } of calls.values()) reject(new AppError('outcome_unknown', message, { cause }));
    calls.clear();
  }

  async function handle({
    id,
    consumer,
    deliveries,
  }: Extract<FromStore, { type: 'deliver' }>): Promise<void> {
    try {
      const handler = handlers.get(consumer);
      if (!handler) throw new AppError('unavailable', 'The consumer has gone.');
      await handler(deliveries);
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
    worker.postMessage(folder);
  });

  const probe = createProbe(() => call('ping'));
  /** Ledger and queue are one store. */
  const ping = () => (ended ? Promise.reject(ended) : probe());

  const readStore = openStoreReadOnly(folder);
  const reader = openSqliteLedger(readStore, clock);

  const ledger: Ledger = {
    products: reader.products,
    product: reader.product,
    productsAfter: reader.productsAfter,
    find: reader.find,
    order: reader.order,
    unsettled: reader.unsettled,
    asyncCounts: reader.asyncCounts,
    operations: reader.operations,
    refundsDue: reader.refundsDue,
    log: (operation) => call('log', operation),
    prune: (before, limit) => call('prune', before, limit),
    countAccepted: (count) => call('countAccepted', count),
    holdLead: (job, owner, forMs) => call('holdLead', job, owner, forMs),
    leaveLead: (job, owner) => call('leaveLead', job, owner),
    ping,
    addProducts: (products) => call('addProducts', products),
    decide: async (purchases, again = false) =>
      unpackDecision(await call('decide', purchases.map(packPurchase), again), purchases),
    conclude: (purchase) => call('conclude', purchase),
    bindKeys: (bindings) => call('bindKeys', bindings),
    countAttempts: (ids) => call('countAttempts', ids),
    markNeedsAttention: (ids, value) => call('markNeedsAttention', ids, value),
    createProduct: (product, operation) => call('createProduct', product, operation),
    changeProduct: (productId, changes, operation, version) =>
      call('changeProduct', productId, changes, operation, version),
    closeSale: (productId, operation) => call('closeSale', productId, operation),
    reset: (productId, units, operation = null) => call('reset', productId, units, operation),
    lease: (ids, leaseMs) => call('lease', ids, leaseMs),
    settle: (results) => call('settle', results),
    expireOverdue: (limit) => call('expireOverdue', limit),
    cancel: (orderId, options) => call('cancel', orderId, options),
    refund: (orderId, operation) => call('refund', orderId, operation),
    captureLate: (captures) => call('captureLate', captures),
    leaseRefunds: (limit, againAfterMs) => call('leaseRefunds', limit, againAfterMs),
    settleRefunds: (refunds) => call('settleRefunds', refunds),
    secret: async (name, bytes) => Uint8Array.from(await call('secret', name, bytes)),
    async close() {},
  };

  const queue: Queue = {
    publish: (name, messages, options = {}) => call('publish', name, messages, options),
    async consume(name, options, handler) {
      const consumer = ++lastConsumer;
      handlers.set(consumer, handler);
      await call('consume', consumer, name, options);
      return {
        async close() {
          await call('closeConsumer', consumer);
          handlers.delete(consumer);
        },
      };
    },
    deadLetter: (name, message, cause) => call('deadLetter', name, message, cause),
    deadLetters: (name, limit) => call('deadLetters', name, limit),
    replay: (name, ids) => call('replay', name, ids),
    discard: (name, ids) => call('discard', name, ids),
    status: () => call('status'),
    ping,
    async close() {},
  };

  return {
    ledger,
    queue,
    async close() {
      readStore.close();
      try {
        await call('close');
      } finally {
        end('The store is closed.');
        // The connection is let go of only with the thread's memory; until then the file may be locked for a moment.
        worker.terminate();
        await gone;
      }
    },
  };
}
