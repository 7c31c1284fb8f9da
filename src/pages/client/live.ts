import { type Signal, signal } from '@preact/signals';
import type { OrderNow, StockNow } from '../shapes.ts';
import { createServerClock, type ServerClock } from './server-clock.ts';

export type Connection = 'waiting' | 'live' | 'reconnecting';

/** What changes while a page is looked at. The server makes one as well, which stays as it is. */
export interface Live {
  readonly connection: Signal<Connection>;
  readonly clock: ServerClock;
  /** The server's time, once a second (ms since the epoch). */
  readonly second: Signal<number>;
  /** A product as it stands; none that the page does not show. */
  stock(productId: number): Signal<StockNow> | undefined;
  /** What was last told of an order; null before that. */
  order(orderId: string): Signal<OrderNow | null>;
  /** Opens the stream, and keeps it open. Returns what ends it. */
  connect(): () => void;
  /** Follows an order, or a queued purchase, from now on. The last ten of them are told of. */
  follow(orderId: string): void;
}

/** One stream tells of so many orders. */
const ORDERS_MAX = 10;
/** A stream that the server refuses is asked for again after so long, a little more or less. */
const REOPEN_MS = 3_000;

export function createLiveView(serverTime: string, products: readonly StockNow[]): Live {
  const clock = createServerClock(serverTime);
  const second = signal(Date.parse(serverTime));
  const connection = signal<Connection>('waiting');
  const stocks = new Map(products.map((one) => [one.productId, signal<StockNow>(one)]));
  const orders = new Map<string, Signal<OrderNow | null>>();
  const followed: string[] = [];
  let source: EventSource | undefined;
  let reopening: ReturnType<typeof setTimeout> | undefined;
  let isOpen = false;

  function order(orderId: string): Signal<OrderNow | null> {
    let now = orders.get(orderId);
    if (!now) {
      now = signal<OrderNow | null>(null);
      orders.set(orderId, now);
    }
    return now;
  }

  function tell(product: StockNow & { readonly serverTime: string }): void {
    clock.heard(product.serverTime);
    keep(product);
  }

  function keep(product: StockNow): void {
    const known = stocks.get(product.productId);
    if (known) known.value = { ...known.value, ...product };
  }

  function leave(): void {
    source?.close();
    clearTimeout(reopening);
    connection.value = 'waiting';
  }

  function open(): void {
    source?.close();
    clearTimeout(reopening);
    // A stream has at least one product. What shows none asks now and then.
    if (stocks.size === 0) return;
    const query = followed.length > 0 ? `&order=${followed.join(',')}` : '';
    const stream = new EventSource(`/api/v1/stock/stream?products=${[...stocks.keys()].join(',')}${query}`);
    source = stream;
    const on = <T>(name: string, hear: (data: T) => void) =>
      stream.addEventListener(name, (event) => hear(JSON.parse((event as MessageEvent<string>).data)));
    on<Snapshot>('snapshot', ({ serverTime, products, orders }) => {
      clock.heard(serverTime, true);
      connection.value = 'live';
      products.forEach(keep);
      for (const one of orders) order(one.orderId).value = one;
    });
    for (const name of ['stock.changed', 'sale.opened', 'sale.closed'])
      on<StockNow & { serverTime: string }>(name, tell);
    on<OrderNow>('order.updated', (one) => {
      order(one.orderId).value = one;
    });
    stream.addEventListener('error', () => {
      connection.value = 'reconnecting';
      // A browser comes back by itself after a cut, and gives up after a refusal.
      if (stream.readyState === EventSource.CLOSED)
        reopening = setTimeout(open, REOPEN_MS * (0.5 + Math.random()));
    });
  }

  /** Each tick falls on a second of the server's. */
  function tick(): ReturnType<typeof setTimeout> {
    const nowMs = clock.now();
    second.value = nowMs;
    return setTimeout(
      () => {
        ticking = tick();
      },
      1000 - (nowMs % 1000) + 1,
    );
  }
  let ticking: ReturnType<typeof setTimeout> | undefined;

  return {
    connection,
    clock,
    second,
    stock: (productId) => stocks.get(productId),
    order,
    follow(orderId) {
      if (followed.includes(orderId)) return;
      followed.push(orderId);
      if (followed.length > ORDERS_MAX) followed.shift();
      if (isOpen && document.visibilityState === 'visible') open();
    },
    connect() {
      isOpen = true;
      ticking = tick();
      open();
      // A browser has six connections to a server that speaks HTTP/1.1: a page that nobody sees lets go of its own.
      const look = () => {
        if (document.visibilityState === 'visible') open();
        else leave();
      };
      document.addEventListener('visibilitychange', look);
      return () => {
        isOpen = false;
        leave();
        clearTimeout(ticking);
        document.removeEventListener('visibilitychange', look);
      };
    },
  };
}

interface Snapshot {
  readonly serverTime: string;
  readonly products: readonly StockNow[];
  readonly orders: readonly OrderNow[];
}
