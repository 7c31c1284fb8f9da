import type { Clock } from '../../domain/clock.ts';
import type { PurchaseIds } from '../../domain/ids.ts';
import type { Product } from '../../domain/product.ts';
import type { Feed } from '../../ports/feed.ts';
import type { Ledger, Standing } from '../../ports/ledger.ts';
import type { Conclude } from '../purchase/conclude.ts';
import type { StockCache } from '../purchase/stock-cache.ts';
import type { LiveEvent } from './events.ts';
import { createWatchedOrders } from './orders.ts';
import { createRounds, inSlices } from './rounds.ts';
import { createSeats, type SeatLimits } from './seats.ts';
import { createShelf } from './shelf.ts';
import { Viewer, type ViewerHooks, type Viewing } from './viewer.ts';

/**
 * Shows products and orders to many viewers as they change. Each is told the newest in rounds, at most 20 a second and 4 when
 * there are many viewers; what changed in between is not told, the last value always is.
 *
 * For one viewer the versions of a product only rise. Across connections and processes, too: whoever comes back says what was
 * seen, and is shown nothing that was read before.
 */
export interface Live {
  open(wish: Wish): Promise<Opening>;
  readonly stats: LiveStats;
  /** Viewers now. */
  viewers(): number;
  /** Viewers and those who are being let in. */
  seatsTaken(): number;
  /** Tells all viewers to come back elsewhere. */
  close(): Promise<void>;
}

export interface Wish {
  readonly productIds: readonly number[];
  readonly orderIds: readonly string[];
  /** Where the viewer is, as far as the limit per address is concerned. */
  readonly address: string;
  /** Versions by product that a viewer who comes back has seen, as far as that is known; null for a new one. */
  readonly seen: ReadonlyMap<number, number> | null;
}

export type Opening =
  | { readonly kind: 'open'; readonly viewing: Viewing }
  | { readonly kind: 'unknown_product'; readonly productId: number }
  | { readonly kind: 'unknown_order' }
  /** No work was done. */
  | { readonly kind: 'house_full' | 'address_full' };

export interface LiveStats {
  /** Product and order events handed to viewers. */
  told: number;
  /** Times that a viewer did not read, and what waited was replaced by a snapshot. */
  dropped: number;
  /** Viewers that found no seat. */
  turnedAway: number;
}

export interface LiveDependencies {
  readonly ledger: Pick<Ledger, 'find'>;
  readonly feed: Pick<Feed, 'subscribe'>;
  readonly stockCache: Pick<StockCache, 'last' | 'refresh'>;
  readonly ids: Pick<PurchaseIds, 'read'>;
  readonly conclude: Conclude;
  readonly clock: Clock;
  readonly limits: SeatLimits;
  readonly onTrouble: (error: unknown, context: string) => void;
}

const PACE_MS = 50;
/** With so many viewers a round takes a good part of a tenth of a second, which purchases need. */
const MANY_VIEWERS = 1_000;
const PACE_FOR_MANY_MS = 250;
/** News may get lost; the ledger is asked for whatever it has not confirmed for so long. */
const RECHECK_MS = 2_000;
/** Balancers and browsers give up a connection that is silent for half a minute. */
const HEARTBEAT_MS = 15_000;

export function createLive(dependencies: LiveDependencies): Live {
  const { ledger, feed, stockCache, ids, conclude, clock, limits, onTrouble } = dependencies;
  const stats: LiveStats = { told: 0, dropped: 0, turnedAway: 0 };
  const seats = createSeats(limits);
  const releases = new Map<Viewer, () => void>();
  const orders = createWatchedOrders(ledger, ids, conclude, onTrouble);
  const rounds = createRounds(tellAll, () => (releases.size > MANY_VIEWERS ? PACE_FOR_MANY_MS : PACE_MS));
  const shelf = createShelf(clock, rounds.ask);
  let closed = false;

  async function tellAll(): Promise<void> {
    for (const { events, viewers, learnt } of shelf.changes()) {
      await inSlices(viewers, (viewer) => {
        if (viewer.seen >= learnt) return;
        for (const event of events) viewer.tell(event);
        stats.told += events.length;
      });
    }
  }

  /** A standing has the units alone; the row has the rest, and most often this process has just seen it. */
  async function heard({ productId, version }: Standing): Promise<void> {
    if (!shelf.known(productId)) return;
    const last = stockCache.last(productId)?.product;
    if (last && last.version >= version) return shelf.learn(last);
    const row = await stockCache.refresh(productId);
    if (row) shelf.learn(row);
    // It may have shared the answer to a question that was asked before the news.
    if (row && row.version < version) shelf.learn((await stockCache.refresh(productId)) ?? row);
  }

  let rechecking: Promise<void> | null = null;
  /** One after the other: nobody waits for it, and purchases need the ledger. */
  async function recheck(unlessYoungerThanMs: number): Promise<void> {
    for (const productId of shelf.productIds()) {
      const last = stockCache.last(productId);
      const row =
        last && last.ageMs < unlessYoungerThanMs ? last.product : await stockCache.refresh(productId);
      if (row) shelf.learn(row);
    }
    shelf.judge();
  }

  function recheckSoon(unlessYoungerThanMs: number): void {
    if (closed || releases.size === 0) return;
    orders.askAll();
    rechecking ??= recheck(unlessYoungerThanMs)
      .catch((error) => onTrouble(error, 'watched products could not be read; they are read again soon'))
      .finally(() => {
        rechecking = null;
      });
  }

  const unsubscribe = feed.subscribe({
    standing: (standing) =>
      void heard(standing).catch((error) => onTrouble(error, 'a change is shown late to live viewers')),
    order: ({ orderId }) => orders.hinted([orderId]),
    decided: (purchaseIds) => orders.hinted(purchaseIds),
    gap: () => recheckSoon(0),
  });
  const rechecks = setInterval(() => recheckSoon(RECHECK_MS), RECHECK_MS).unref();
  const heartbeats = setInterval(() => {
    const heartbeat: LiveEvent = { type: 'heartbeat' };
    void inSlices(releases.keys(), (viewer) => viewer.beat(heartbeat));
  }, HEARTBEAT_MS).unref();

  /** The rows, or the first id that is no product's. One after the other: a stranger may ask for many. */
  async function readProducts({ productIds, seen }: Wish): Promise<Product[] | number> {
    const rows: Product[] = [];
    for (const id of productIds) {
      let row = shelf.known(id) ?? (await stockCache.refresh(id));
      if (!row) return id;
      if (seen && !((seen.get(id) ?? Number.POSITIVE_INFINITY) <= row.version)) {
        // Twice, because the first answer may be to a question from before the viewer came.
        await stockCache.refresh(id);
        row = (await stockCache.refresh(id)) ?? row;
      }
      rows.push(row);
    }
    return rows;
  }

  const hooks: ViewerHooks = {
    snapshot: ({ productIds, orderIds }) => ({
      event: {
        type: 'snapshot',
        atMs: clock(),
        products: shelf.now(productIds),
        orders: orders.now(orderIds),
      },
      seen: shelf.learnt(),
    }),
    onDropped: () => stats.dropped++,
    onGone(viewer) {
      releases.get(viewer)?.();
      if (!releases.delete(viewer)) return;
      shelf.remove(viewer);
      orders.remove(viewer);
    },
  };

  async function seat(wish: Wish, release: () => void): Promise<Opening> {
    const rows = await readProducts(wish);
    if (typeof rows === 'number') return { kind: 'unknown_product', productId: rows };
    const found = await orders.read(wish.orderIds);
    if (!found) return { kind: 'unknown_order' };
    shelf.put(rows);
    orders.put(found);
    const viewer = new Viewer(wish.productIds, wish.orderIds, hooks);
    shelf.admit(viewer);
    orders.admit(viewer);
    releases.set(viewer, release);
    if (closed) viewer.end({ type: 'goodbye' });
    return { kind: 'open', viewing: viewer };
  }

  return {
    stats,
    viewers: () => releases.size,
    seatsTaken: () => seats.taken,
    async open(wish) {
      const release = seats.take(wish.address);
      if (typeof release === 'string') {
        stats.turnedAway++;
        return { kind: release };
      }
      let opening: Opening | null = null;
      try {
        opening = await seat(wish, release);
        return opening;
      } finally {
        if (opening?.kind !== 'open') release();
      }
    },
    async close() {
      closed = true;
      unsubscribe();
      clearInterval(rechecks);
      clearInterval(heartbeats);
      // What was seen here and is still on its way through the feed.
      for (const productId of shelf.productIds()) {
        const last = stockCache.last(productId)?.product;
        if (last) shelf.learn(last);
      }
      await rounds.close();
      shelf.stopTimer();
      for (const viewer of [...releases.keys()]) viewer.end({ type: 'goodbye' });
      await rechecking;
    },
  };
}
