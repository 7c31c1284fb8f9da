import type { PurchaseIds } from '../../domain/ids.ts';
import type { Found, Ledger } from '../../ports/ledger.ts';
import type { Conclude } from '../purchase/conclude.ts';
import type { LiveEvent, OrderNow } from './events.ts';
import type { Viewer } from './viewer.ts';

/** The orders that somebody watches, as they are known here. */
export interface WatchedOrders {
  /** Reads how these purchases stand; null when one of the ids was never issued. */
  read(orderIds: readonly string[]): Promise<OrderNow[] | null>;
  /** Puts orders there for a viewer who is admitted before anything else happens. */
  put(orders: readonly OrderNow[]): void;
  admit(viewer: Viewer): void;
  remove(viewer: Viewer): void;
  now(orderIds: readonly string[]): OrderNow[];
  /** Something happened to these; only the ledger knows what. */
  hinted(orderIds: readonly string[]): void;
  /** Asks about all that may still change. */
  askAll(): void;
}

interface Place {
  now: OrderNow;
  readonly viewers: Set<Viewer>;
}

/** Orders per question: a few milliseconds of the ledger's time. */
const BATCH_MAX = 500;
/** What has come to an end, unless somebody cancels or refunds it or money comes late, is asked for every so many times. */
const SETTLED_EVERY = 10;
const SETTLED: readonly OrderNow['status'][] = ['paid', 'declined', 'expired', 'cancelled'];
/** Nothing can happen to these any more. */
const FINAL: readonly OrderNow['status'][] = ['refunded', 'rejected', 'failed'];

export function createWatchedOrders(
  ledger: Pick<Ledger, 'find'>,
  ids: Pick<PurchaseIds, 'read'>,
  conclude: Conclude,
  onTrouble: (error: unknown, context: string) => void,
): WatchedOrders {
  const places = new Map<string, Place>();
  const toAsk = new Set<string>();
  let isAsking = false;
  let times = 0;

  function learn(order: OrderNow): void {
    const place = places.get(order.orderId);
    if (!place || !isNews(order, place.now)) return;
    place.now = order;
    const event: LiveEvent = { type: 'order.updated', order };
    for (const viewer of place.viewers) viewer.tell(event);
  }

  /** One question at a time, so that answers come in the order of their questions. */
  async function ask(): Promise<void> {
    if (isAsking) return;
    isAsking = true;
    try {
      while (toAsk.size > 0) {
        const batch = [...toAsk].slice(0, BATCH_MAX);
        for (const id of batch) toAsk.delete(id);
        const watched = batch.filter((id) => places.has(id));
        const found = await ledger.find(watched);
        for (const id of watched) {
          const one = found.get(id) ?? (await conclude(id, ids.read(id)!));
          if (one) learn(describe(id, one, places.get(id)?.now.updatedAt ?? 0));
        }
      }
    } catch (error) {
      toAsk.clear();
      onTrouble(error, 'watched orders could not be read; they are read again soon');
    }
    isAsking = false;
  }

  return {
    async read(orderIds) {
      if (orderIds.length === 0) return [];
      const parts = orderIds.map((id) => ids.read(id));
      if (parts.includes(null)) return null;
      const found = await ledger.find(orderIds);
      return Promise.all(
        orderIds.map(async (orderId, i): Promise<OrderNow> => {
          const { acceptedAt, soldOut } = parts[i]!;
          if (soldOut) return { ...pending(orderId, acceptedAt), status: 'rejected', code: 'sold_out' };
          const one = found.get(orderId) ?? (await conclude(orderId, parts[i]!));
          return one ? describe(orderId, one, acceptedAt) : pending(orderId, acceptedAt);
        }),
      );
    },
    put(orders) {
      for (const order of orders) {
        if (places.has(order.orderId)) learn(order);
        else places.set(order.orderId, { now: order, viewers: new Set() });
      }
    },
    admit(viewer) {
      for (const id of viewer.orderIds) places.get(id)!.viewers.add(viewer);
    },
    remove(viewer) {
      for (const id of viewer.orderIds) {
        const place = places.get(id);
        place?.viewers.delete(viewer);
        if (place?.viewers.size === 0) places.delete(id);
      }
    },
    now: (orderIds) => orderIds.map((id) => places.get(id)!.now),
    hinted(orderIds) {
      if (places.size === 0) return;
      for (const id of orderIds) if (places.has(id)) toAsk.add(id);
      if (toAsk.size > 0) void ask();
    },
    askAll() {
      const alsoSettled = times++ % SETTLED_EVERY === 0;
      for (const [id, { now }] of places) {
        if (FINAL.includes(now.status)) continue;
        if (alsoSettled || !SETTLED.includes(now.status)) toAsk.add(id);
      }
      if (toAsk.size > 0) void ask();
    },
  };
}

/** What was read earlier may be heard later: an order never goes back. */
function isNews(next: OrderNow, now: OrderNow): boolean {
  if (next.status === 'pending' || next.updatedAt < now.updatedAt) return false;
  return next.status !== now.status || next.updatedAt > now.updatedAt;
}

function pending(orderId: string, acceptedAt: number): OrderNow {
  return { orderId, status: 'pending', code: null, updatedAt: acceptedAt, expiresAt: null };
}

function describe(orderId: string, found: Found, acceptedAt: number): OrderNow {
  switch (found.kind) {
    case 'order': {
      const { status, updatedAt, expiresAt } = found.order;
      return { orderId, status, code: null, updatedAt, expiresAt };
    }
    case 'refused': {
      const { code, decidedAt } = found;
      const status = code === 'too_old' || code === 'discarded' ? 'failed' : 'rejected';
      return { orderId, status, code, updatedAt: decidedAt, expiresAt: null };
    }
    case 'needs_attention':
      return pending(orderId, acceptedAt);
  }
}
