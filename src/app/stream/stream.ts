import type { Clock } from '../../domain/clock.ts';
import type { PurchaseIds } from '../../domain/ids.ts';
import type { Product } from '../../domain/product.ts';
import type { Log } from '../../lib/log.ts';
import { createPeriodic } from '../../lib/periodic.ts';
import type { Queries } from '../../ports/queries.ts';
import type { ChangeBus } from '../changes.ts';
import type { Conclude } from '../purchase/conclude.ts';
import type { StockCache } from '../purchase/stock-cache.ts';
import { type ConnectionLimitOptions, createConnectionLimits } from './connection-limits.ts';
import type { LiveEvent } from './events.ts';
import { inSlices } from './in-slices.ts';
import { Subscriber, type SubscriberHooks, type Subscription } from './subscriber.ts';
import { createWatchedOrders } from './watched-orders.ts';
import { createWatchedProducts } from './watched-products.ts';

/**
 * Streams changes of products and orders to many subscribers. Changes are sent in broadcasts, at most 20 a second and 4
 * with many subscribers; intermediate values may be left out, the last one never is.
 *
 * For one subscriber the versions of a product only rise, also across connections and processes: a reconnecting client sends
 * the versions that it has seen, and gets nothing older.
 */
export interface StockStream {
  open(request: StreamRequest): Promise<Opening>;
  readonly stats: StreamStats;
  /** Subscribers now. */
  subscribers(): number;
  /** Subscribers and connections that are being opened. */
  connections(): number;
  /** Tells all subscribers to reconnect elsewhere. */
  close(): Promise<void>;
}

export interface StreamRequest {
  readonly productIds: readonly number[];
  readonly orderIds: readonly string[];
  /** The client's address, for the limit per address. */
  readonly address: string;
  /** Versions by product that a reconnecting client has seen, as far as known; null for a new client. */
  readonly seen: ReadonlyMap<number, number> | null;
}

export type Opening =
  | { readonly kind: 'open'; readonly subscription: Subscription }
  | { readonly kind: 'unknown_product'; readonly productId: number }
  | { readonly kind: 'unknown_order' }
  /** No work was done. */
  | { readonly kind: 'too_many' | 'too_many_from_address' };

export interface StreamStats {
  /** Product and order events sent to subscribers. */
  sent: number;
  /** Times that a subscriber did not read, and its buffer was replaced by a snapshot. */
  dropped: number;
  /** Connections refused by a limit. */
  rejected: number;
}

export interface StockStreamDependencies {
  readonly ledger: Pick<Queries, 'find'>;
  readonly changes: Pick<ChangeBus, 'subscribe'>;
  readonly stockCache: Pick<StockCache, 'last' | 'refresh' | 'onChange'>;
  readonly ids: Pick<PurchaseIds, 'read'>;
  readonly conclude: Conclude;
  readonly clock: Clock;
  readonly limits: ConnectionLimitOptions;
  readonly log: Log;
}

const PACE_MS = 50;
/** With so many subscribers a broadcast takes a good part of a tenth of a second, which purchases need. */
const MANY_SUBSCRIBERS = 100;
const PACE_FOR_MANY_MS = 250;
/** Events may get lost; a row that was not confirmed for this long is read from the ledger. */
const RECHECK_MS = 2_000;
/** Balancers and browsers close a connection that is silent for half a minute. */
const HEARTBEAT_MS = 15_000;

export function createStockStream(dependencies: StockStreamDependencies): StockStream {
  const { ledger, changes, stockCache, ids, conclude, clock, limits, log } = dependencies;
  const stats: StreamStats = { sent: 0, dropped: 0, rejected: 0 };
  const connectionLimits = createConnectionLimits(limits);
  const releases = new Map<Subscriber, () => void>();
  const orders = createWatchedOrders(ledger, ids, conclude, log);
  const broadcasts = createPeriodic(sendChanges, {
    paceMs: () => (releases.size > MANY_SUBSCRIBERS ? PACE_FOR_MANY_MS : PACE_MS),
    retryMs: PACE_FOR_MANY_MS,
    onFailure: (error) => log.warn({ err: error }, 'a broadcast failed'),
  });
  const products = createWatchedProducts(stockCache, clock, () => broadcasts.runIn(0));
  let closed = false;

  /**
   * A row that changed several times since the last broadcast is sent once, as of now. So the last change is always sent, and a busy
   * server sends less often, not later and later.
   */
  async function sendChanges(): Promise<void> {
    for (const { events, subscribers, revision } of products.takeChanges()) {
      await inSlices(subscribers, (subscriber) => {
        if (subscriber.snapshotRevision >= revision) return;
        for (const event of events) subscriber.send(event);
        stats.sent += events.length;
      });
    }
  }

  /** Set when rows may have changed unheard. */
  let isStale = false;
  const rechecks = createPeriodic(recheck, {
    everyMs: RECHECK_MS,
    onFailure: (error) =>
      log.warn({ err: error }, 'watched products could not be read; they will be read again soon'),
  });
  rechecks.runIn(RECHECK_MS);

  /** Sequentially: no client waits for it, and purchases need the ledger. */
  async function recheck(): Promise<void> {
    const unlessYoungerThanMs = isStale ? 0 : RECHECK_MS;
    isStale = false;
    orders.readAll();
    for (const productId of products.ids()) {
      const last = stockCache.last(productId);
      if (!last || last.ageMs >= unlessYoungerThanMs) await stockCache.refresh(productId);
    }
    products.checkStates();
  }

  const unsubscribes = [
    stockCache.onChange(products.changed),
    changes.subscribe({
      news({ orders: changed, decided }) {
        if (releases.size === 0) return;
        orders.changed(changed.map(({ id }) => id));
        orders.changed(decided);
      },
      resync() {
        isStale = true;
        rechecks.runIn(0);
      },
    }),
  ];
  const heartbeats = setInterval(() => {
    const heartbeat: LiveEvent = { type: 'heartbeat' };
    void inSlices(releases.keys(), (subscriber) => subscriber.beat(heartbeat));
  }, HEARTBEAT_MS).unref();

  /** The rows, or the first id without a product. Sequentially: any client may request many. */
  async function readProducts({ productIds, seen }: StreamRequest): Promise<Product[] | number> {
    const rows: Product[] = [];
    for (const id of productIds) {
      let row = products.has(id) ? stockCache.last(id)?.product : await stockCache.refresh(id);
      if (!row) return id;
      if (seen && !((seen.get(id) ?? Number.POSITIVE_INFINITY) <= row.version)) {
        // Twice, because the first read may have begun before the client connected.
        await stockCache.refresh(id);
        row = (await stockCache.refresh(id)) ?? row;
      }
      rows.push(row);
    }
    return rows;
  }

  const hooks: SubscriberHooks = {
    snapshot: ({ productIds, orderIds }) => ({
      event: {
        type: 'snapshot',
        atMs: clock(),
        products: products.now(productIds),
        orders: orders.now(orderIds),
      },
      revision: products.revision(),
    }),
    onDropped: () => stats.dropped++,
    onGone(subscriber) {
      releases.get(subscriber)?.();
      if (!releases.delete(subscriber)) return;
      products.remove(subscriber);
      orders.remove(subscriber);
    },
  };

  async function admit(request: StreamRequest, release: () => void): Promise<Opening> {
    const rows = await readProducts(request);
    if (typeof rows === 'number') return { kind: 'unknown_product', productId: rows };
    const found = await orders.read(request.orderIds);
    if (!found) return { kind: 'unknown_order' };
    products.watch(rows);
    orders.watch(found);
    const subscriber = new Subscriber(request.productIds, request.orderIds, hooks);
    products.add(subscriber);
    orders.add(subscriber);
    releases.set(subscriber, release);
    if (closed) subscriber.end({ type: 'goodbye' });
    return { kind: 'open', subscription: subscriber };
  }

  return {
    stats,
    subscribers: () => releases.size,
    connections: () => connectionLimits.taken,
    async open(request) {
      const release = connectionLimits.take(request.address);
      if (typeof release === 'string') {
        stats.rejected++;
        return { kind: release };
      }
      let opening: Opening | null = null;
      try {
        opening = await admit(request, release);
        return opening;
      } finally {
        if (opening?.kind !== 'open') release();
      }
    },
    async close() {
      closed = true;
      for (const unsubscribe of unsubscribes) unsubscribe();
      clearInterval(heartbeats);
      const rechecked = rechecks.close();
      await broadcasts.close();
      await sendChanges();
      products.close();
      for (const subscriber of [...releases.keys()]) subscriber.end({ type: 'goodbye' });
      await rechecked;
    },
  };
}
