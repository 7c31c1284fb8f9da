import type { OrderNews } from '../../../domain/order.ts';
import type { ProcessStats } from '../../../domain/process-stats.ts';
import type { Standing } from '../../../ports/ledger.ts';
import type { News } from './message.ts';

/** Gathers what is to be told to the other processes and sends it in few messages. */
export interface Publisher {
  standings(standings: readonly Standing[]): void;
  orders(news: readonly OrderNews[]): void;
  decided(purchaseIds: readonly string[]): void;
  figures(figures: ProcessStats): void;
  /** Sends what is left, once. */
  close(): Promise<void>;
}

/** Shortest time between two messages: 20,000 decided purchases a second are 50 messages of 400 ids. */
const EVERY_MS = 20;
/** Pause after a message that did not get through. Its successor says that there was a gap. */
const RETRY_MS = 250;
/** What one message holds. Beyond it products and orders become a gap, and decided purchases, mere hints, are dropped. */
const PRODUCTS_MAX = 10_000;
const ORDERS_MAX = 5_000;
const DECIDED_MAX = 5_000;

/**
 * One message is under way at a time, so a slow Redis gets fewer and fuller ones. `send` may fail; whether the message
 * got through is then unknown, and the next one that does tells the others to read the truth again.
 */
export function createPublisher(send: (news: News) => Promise<unknown>): Publisher {
  let standings = new Map<number, Standing>();
  let orders: OrderNews[] = [];
  let decided: string[] = [];
  let figures: ProcessStats | null = null;
  let gap = false;
  let timer: Timer | null = null;
  let sending: Promise<void> | null = null;
  let nextAtMs = 0;
  let closed = false;

  function schedule(): void {
    if (timer || sending || closed) return;
    // Never within the caller's turn: what one batch has to say goes into one message.
    timer = setTimeout(flush, Math.max(0, nextAtMs - performance.now())).unref();
  }

  function flush(): void {
    timer = null;
    const news = { standings: [...standings.values()], orders, decided, figures, gap };
    standings = new Map();
    orders = [];
    decided = [];
    figures = null;
    gap = false;
    nextAtMs = performance.now() + EVERY_MS;
    sending = send(news)
      .then(
        () => undefined,
        () => {
          gap = true;
          nextAtMs = performance.now() + RETRY_MS;
        },
      )
      .finally(() => {
        sending = null;
        if (hasNews()) schedule();
      });
  }

  function hasNews(): boolean {
    return gap || figures !== null || standings.size + orders.length + decided.length > 0;
  }

  return {
    standings(newer) {
      for (const standing of newer) {
        if (standings.size < PRODUCTS_MAX || standings.has(standing.productId)) {
          standings.set(standing.productId, standing);
        } else gap = true;
      }
      if (newer.length > 0) schedule();
    },
    orders(news) {
      const room = ORDERS_MAX - orders.length;
      orders = orders.concat(news.slice(0, room));
      if (news.length > room) gap = true;
      if (news.length > 0) schedule();
    },
    decided(purchaseIds) {
      decided = decided.concat(purchaseIds.slice(0, DECIDED_MAX - decided.length));
      if (purchaseIds.length > 0) schedule();
    },
    figures(latest) {
      figures = latest;
      schedule();
    },
    async close() {
      closed = true;
      if (timer) clearTimeout(timer);
      await sending;
      if (hasNews()) flush();
      await sending;
    },
  };
}
