import type { OrderStatus } from '../../../domain/order.ts';
import type { ProcessStats } from '../../../domain/process-stats.ts';
import type { StockVersion } from '../../../domain/product.ts';
import type { News } from '../../../ports/feed.ts';

/** One message from a process to the others. */
export interface Message extends News {
  readonly stock: readonly StockVersion[];
  /** The sender's stats. */
  readonly stats: ProcessStats | null;
  /** The sender lost some events. */
  readonly resync: boolean;
}

/** JSON with rows in place of objects. Fields may be added: readers ignore unknown ones, so that versions can mix. */
interface Wire {
  /** The sender. */
  f: string;
  s?: [productId: number, version: number, available: number][];
  o?: [orderId: string, status: OrderStatus, updatedAt: number][];
  d?: readonly string[];
  g?: 1;
  i?: ProcessStats;
}

export function writeMessage(from: string, { stock, orders, decided, stats, resync }: Message): string {
  const wire: Wire = { f: from };
  if (stock.length > 0) wire.s = stock.map((s) => [s.productId, s.version, s.available]);
  if (orders.length > 0) wire.o = orders.map((o) => [o.id, o.status, o.updatedAt]);
  if (decided.length > 0) wire.d = decided;
  if (stats) wire.i = stats;
  if (resync) wire.g = 1;
  return JSON.stringify(wire);
}

/** Null for a foreign message. */
export function readMessage(text: string): (Message & { readonly from: string }) | null {
  try {
    const { f, s = [], o = [], d = [], g, i = null } = JSON.parse(text) as Wire;
    if (typeof f !== 'string') return null;
    return {
      from: f,
      stock: s.map(([productId, version, available]) => ({ productId, version, available })),
      orders: o.map(([id, status, updatedAt]) => ({ id, status, updatedAt })),
      decided: d,
      stats: i,
      resync: g === 1,
    };
  } catch {
    return null;
  }
}
