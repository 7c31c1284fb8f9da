import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from '../client/api.ts';
import type { Live } from '../client/live.ts';
import { type Order, type OrderStatus, orderOf, type Tracking } from '../shapes.ts';

/** Nothing becomes of these any more, or not soon. */
const AT_REST: ReadonlySet<OrderStatus> = new Set([
  'paid',
  'declined',
  'expired',
  'cancelled',
  'refunded',
  'rejected',
  'failed',
]);
/** How often an order is asked for while no stream tells of it (ms). */
const ASK_MS = 2_000;

/**
 * An order, followed: what the stream tells of it, and the whole of it read again after each change. Without a stream it is asked for now
 * and then.
 */
export function useOrder(first: Order, live: Live): ReadonlySignal<Order> {
  const order = useSignal<Order>(first);
  const { orderId } = first;
  const told = live.order(orderId).value;

  useEffect(() => live.follow(orderId), [orderId]);

  const isNews =
    told !== null && (told.status !== order.value.status || told.updatedAt !== order.value.updatedAt);
  useEffect(() => {
    if (!told || !isNews) return;
    order.value = {
      ...order.value,
      status: told.status,
      ...(told.code !== undefined && { code: told.code }),
    };
    void readAgain();
  }, [told]);

  const isAlone = live.connection.value !== 'live' && !AT_REST.has(order.value.status);
  useEffect(() => {
    if (!isAlone) return;
    const timer = setInterval(readAgain, ASK_MS);
    return () => clearInterval(timer);
  }, [isAlone]);

  async function readAgain(): Promise<void> {
    const read = await readOrder(orderId);
    if (read && !isOlder(read, order.value)) order.value = read;
  }

  return order;
}

/** An order, or what is known of a queued purchase; null where neither can be read. */
export async function readOrder(orderId: string): Promise<Order | null> {
  const found = await call<Order>(`/api/v1/orders/${orderId}`);
  if (found.ok && found.body.status !== 'pending') return found.body;
  const tracked = await call<Tracking>(`/api/v1/async/purchase/${orderId}`);
  const queued = tracked.ok ? orderOf(tracked.body) : null;
  return queued ?? (found.ok ? found.body : null);
}

function isOlder(read: Order, known: Order): boolean {
  return read.updatedAt !== undefined && known.updatedAt !== undefined && read.updatedAt < known.updatedAt;
}
