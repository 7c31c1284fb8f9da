import type { OrderChange } from '../../../domain/order.ts';
import type { ProcessStats } from '../../../domain/process-stats.ts';
import { type StockVersion, stockOf } from '../../../domain/product.ts';
import { createPeriodic } from '../../../lib/periodic.ts';
import type { Changes } from '../../../ports/changes.ts';
import type { Message } from './message.ts';

/** Collects events for the other processes, and sends them in few messages. */
export interface Publisher {
  changes(changes: Changes): void;
  stats(stats: ProcessStats): void;
  /** Sends the rest, once. */
  close(): Promise<void>;
}

/** Shortest time between two messages: 20,000 decided purchases a second are 50 messages of 400 ids. */
const EVERY_MS = 20;
/** Pause after a failed message. The next one requests a resync. */
const RETRY_MS = 250;
/** Limits of one message. Beyond them products and orders become a resync, and decided purchases, mere hints, are dropped. */
const PRODUCTS_MAX = 10_000;
const ORDERS_MAX = 5_000;
const DECIDED_MAX = 5_000;

/**
 * One message is in flight at a time, so a slow Redis gets fewer and fuller ones. `send` may fail; whether the message
 * was delivered is then unknown, and the next delivered one requests a resync.
 */
export function createPublisher(send: (message: Message) => Promise<unknown>): Publisher {
  let stock = new Map<number, StockVersion>();
  let orders: OrderChange[] = [];
  let decided: string[] = [];
  let stats: ProcessStats | null = null;
  let resync = false;
  // A run never begins within the caller's turn, so all changes of one turn go into one message.
  const job = createPeriodic(flush, {
    paceMs: EVERY_MS,
    retryMs: RETRY_MS,
    onFailure() {
      resync = true;
    },
  });

  async function flush(): Promise<void> {
    const message = { stock: [...stock.values()], orders, decided, stats, resync };
    stock = new Map();
    orders = [];
    decided = [];
    stats = null;
    resync = false;
    await send(message);
  }

  function hasNews(): boolean {
    return resync || stats !== null || stock.size + orders.length + decided.length > 0;
  }

  return {
    changes(changes) {
      for (const product of changes.products) {
        const known = stock.get(product.id);
        if (known && known.version >= product.version) continue;
        if (known || stock.size < PRODUCTS_MAX) stock.set(product.id, stockOf(product));
        else resync = true;
      }
      for (const { id, status, updatedAt } of changes.orders) {
        if (orders.length < ORDERS_MAX) orders.push({ id, status, updatedAt });
        else resync = true;
      }
      decided = decided.concat(changes.decided.slice(0, DECIDED_MAX - decided.length));
      if (hasNews()) job.runIn(0);
    },
    stats(latest) {
      stats = latest;
      job.runIn(0);
    },
    async close() {
      await job.close();
      if (hasNews()) await flush().catch(() => {});
    },
  };
}
