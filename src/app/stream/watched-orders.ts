import type { PurchaseIds } from '../../domain/ids.ts';
import type { Log } from '../../lib/log.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Found } from '../../ports/queries.ts';
import type { Conclude } from '../purchase/conclude.ts';
import type { LiveEvent, OrderNow } from './events.ts';
import type { Subscriber } from './subscriber.ts';

/** The watched orders, as known here. */
export interface WatchedOrders {
  /** Reads the state of these purchases; null when one of the ids was never issued. */
  read(orderIds: readonly string[]): Promise<OrderNow[] | null>;
  /** Begins to watch orders for a subscriber that is added synchronously afterwards. */
  watch(orders: readonly OrderNow[]): void;
  add(subscriber: Subscriber): void;
  remove(subscriber: Subscriber): void;
  now(orderIds: readonly string[]): OrderNow[];
  /** These have changed; the ledger has the new state. */
  changed(orderIds: readonly string[]): void;
  /** Reads all orders that may still change. */
  readAll(): void;
}

interface Entry {
  now: OrderNow;
  readonly subscribers: Set<Subscriber>;
}

/** Orders per query: a few milliseconds of the ledger's time. */
const BATCH_MAX = 500;
/** A finished order, which only a cancel, a refund or late money can change, is read every so many times. */
const SETTLED_EVERY = 10;
const SETTLED: readonly OrderNow['status'][] = ['paid', 'declined', 'expired', 'cancelled'];
/** These can never change again. */
const FINAL: readonly OrderNow['status'][] = ['refunded', 'rejected', 'failed'];

export function createWatchedOrders(
  ledger: Pick<Ledger, 'find'>,
  ids: Pick<PurchaseIds, 'read'>,
  conclude: Conclude,
  log: Log,
): WatchedOrders {
  const entries = new Map<string, Entry>();
  const toRead = new Set<string>();
  let isReading = false;
  let times = 0;

  function update(order: OrderNow): void {
    const entry = entries.get(order.orderId);
    if (!entry || !isNews(order, entry.now)) return;
    entry.now = order;
    const event: LiveEvent = { type: 'order.updated', order };
    for (const subscriber of entry.subscribers) subscriber.send(event);
  }

  /** One query at a time, so that answers come in the order of their queries. */
  async function readSome(): Promise<void> {
    if (isReading) return;
    isReading = true;
    try {
      while (toRead.size > 0) {
        const batch = [...toRead].slice(0, BATCH_MAX);
        for (const id of batch) toRead.delete(id);
        const watched = batch.filter((id) => entries.has(id));
        const found = await ledger.find(watched);
        for (const id of watched) {
          const one = found.get(id) ?? (await conclude(id, ids.read(id)!));
          if (one) update(describe(id, one, entries.get(id)?.now.updatedAt ?? 0));
        }
      }
    } catch (error) {
      toRead.clear();
      log.warn({ err: error }, 'watched orders could not be read; they will be read again soon');
    }
    isReading = false;
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
    watch(orders) {
      for (const order of orders) {
        if (entries.has(order.orderId)) update(order);
        else entries.set(order.orderId, { now: order, subscribers: new Set() });
      }
    },
    add(subscriber) {
      for (const id of subscriber.orderIds) entries.get(id)!.subscribers.add(subscriber);
    },
    remove(subscriber) {
      for (const id of subscriber.orderIds) {
        const entry = entries.get(id);
        entry?.subscribers.delete(subscriber);
        if (entry?.subscribers.size === 0) entries.delete(id);
      }
    },
    now: (orderIds) => orderIds.map((id) => entries.get(id)!.now),
    changed(orderIds) {
      if (entries.size === 0) return;
      for (const id of orderIds) if (entries.has(id)) toRead.add(id);
      if (toRead.size > 0) void readSome();
    },
    readAll() {
      const alsoSettled = times++ % SETTLED_EVERY === 0;
      for (const [id, { now }] of entries) {
        if (FINAL.includes(now.status)) continue;
        if (alsoSettled || !SETTLED.includes(now.status)) toRead.add(id);
      }
      if (toRead.size > 0) void readSome();
    },
  };
}

/** Answers may arrive out of order: an order never goes back. */
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
