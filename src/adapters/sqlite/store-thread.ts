import { systemClock } from '../../domain/clock.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../domain/ids.ts';
import type { ConsumePurchases } from '../../ports/deciding-queue.ts';
import type { Consumer, Queue } from '../../ports/queue.ts';
import { createDecideQueued } from './decide-queued.ts';
import { createDecide } from './ledger/decide.ts';
import { openSqliteLedger } from './ledger.ts';
import {
  type FromStore,
  pack,
  packError,
  type Sent,
  type SentError,
  type StoreFolder,
  type ToStore,
  unpack,
  unpackError,
} from './protocol.ts';
import { openSqliteQueue } from './queue.ts';
import { openStore, type Store } from './store.ts';

/**
 * The writer thread. It owns the one writing connection, with the ledger and the queue on it, so that a commit's wait for
 * the disk never delays the HTTP thread.
 */
declare const self: Worker;

/** Each commit checks that the files still exist; an idle store checks this often. */
const LOOK_EVERY_MS = 1_000;

const consumers = new Map<number, Consumer>();
const handling = new Map<number, (error?: SentError) => void>();
let lastQuestion = 0;

function send(message: FromStore): void {
  self.postMessage(pack(message));
}

/** The methods that the serving thread may call: those of the ports, in a form that can cross threads. */
function methodsOf(store: Store) {
  const ledger = openSqliteLedger(store, systemClock);
  const queue = openSqliteQueue(store, systemClock, (error) =>
    send({ type: 'trouble', error: packError(error) }),
  );
  const looking = setInterval(store.hasItsFiles, LOOK_EVERY_MS);
  return {
    ...queue,
    ...ledger,
    async consume(
      consumer: number,
      name: Parameters<Queue['consume']>[0],
      options: Parameters<Queue['consume']>[1],
    ) {
      consumers.set(
        consumer,
        await queue.consume(name, options, (deliveries) => ask({ type: 'deliver', consumer, deliveries })),
      );
    },
    async consumePurchases(consumer: number, { purchaseTtlMs, ...options }: ConsumePurchases) {
      const ids = createPurchaseIds(await ledger.secret('purchase_ids', PURCHASE_ID_KEY_BYTES), systemClock);
      const decideQueued = createDecideQueued(
        createDecide(store.db),
        ids,
        systemClock,
        purchaseTtlMs,
        ({ askedAtMs, ...batch }) =>
          ask({
            type: 'decided',
            consumer,
            batch: { ...batch, askedAtMs: performance.timeOrigin + askedAtMs },
          }),
      );
      consumers.set(
        consumer,
        await queue.consume(
          'purchases',
          options,
          (deliveries) => ask({ type: 'deliver', consumer, deliveries }),
          decideQueued,
        ),
      );
    },
    async closeConsumer(consumer: number) {
      await consumers.get(consumer)?.close();
      consumers.delete(consumer);
    },
    async close() {
      clearInterval(looking);
      await queue.close();
      await ledger.close();
      store.close();
      awaitFolder();
    },
  };
}

/** A store has one process, and so no consumers to tell of. */
export type StoreMethods = Omit<ReturnType<typeof methodsOf>, 'consumers'>;

type Asked = Extract<FromStore, { type: 'deliver' | 'decided' }>;
/** Of each kind, without the id. */
type Question = Asked extends infer Kind ? (Kind extends Asked ? Omit<Kind, 'id'> : never) : never;

/** Resolves when the consumer's handler in the serving thread is done, and rejects with its error. */
function ask(question: Question): Promise<void> {
  const id = ++lastQuestion;
  send({ ...question, id });
  return new Promise((resolve, reject) => {
    handling.set(id, (error) => {
      handling.delete(id);
      if (error) reject(unpackError(error));
      else resolve();
    });
  });
}

function open(folder: string): void {
  let methods: StoreMethods;
  try {
    methods = methodsOf(openStore(folder, (error) => send({ type: 'lost', error: packError(error) })));
  } catch (error) {
    send({ type: 'failed', error: packError(error) });
    return;
  }
  self.onmessage = async ({ data }: MessageEvent<Sent>) => {
    const message = unpack<ToStore>(data);
    if (message.type === 'handled') {
      handling.get(message.id)?.(message.error);
      return;
    }
    const { id } = message;
    try {
      const method = methods[message.method as keyof StoreMethods] as (
        ...args: unknown[]
      ) => Promise<unknown>;
      send({ type: 'result', id, value: await method(...message.args) });
    } catch (error) {
      send({ type: 'result', id, error: packError(error) });
    }
  };
  send({ type: 'ready' });
}

/** Opens the store that the next message names. Late calls for the store before are ignored: their callers know that it has ended. */
function awaitFolder(): void {
  self.onmessage = ({ data }: MessageEvent<Sent | StoreFolder>) => {
    if (typeof data === 'object' && 'folder' in data) open(data.folder);
  };
}

awaitFolder();
