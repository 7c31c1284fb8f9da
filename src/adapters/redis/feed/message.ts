import type { OrderNews, OrderStatus } from '../../../domain/order.ts';
import type { ProcessStats } from '../../../domain/process-stats.ts';
import type { Standing } from '../../../ports/ledger.ts';

/** What one process tells the others in one message. */
export interface News {
  readonly standings: readonly Standing[];
  readonly orders: readonly OrderNews[];
  readonly decided: readonly string[];
  /** How the sender fares. */
  readonly figures: ProcessStats | null;
  /** The sender could not tell everything. */
  readonly gap: boolean;
}

/** JSON with rows in place of objects. Fields may be added: readers take what they know, so that versions can mix. */
interface Wire {
  /** The sender. */
  f: string;
  s?: [productId: number, version: number, available: number][];
  o?: [orderId: string, status: OrderStatus, updatedAt: number][];
  d?: readonly string[];
  g?: 1;
  i?: ProcessStats;
}

export function writeMessage(from: string, { standings, orders, decided, figures, gap }: News): string {
  const wire: Wire = { f: from };
  if (standings.length > 0) wire.s = standings.map((s) => [s.productId, s.version, s.available]);
  if (orders.length > 0) wire.o = orders.map((o) => [o.orderId, o.status, o.updatedAt]);
  if (decided.length > 0) wire.d = decided;
  if (figures) wire.i = figures;
  if (gap) wire.g = 1;
  return JSON.stringify(wire);
}

/** Null for what is none of ours. */
export function readMessage(text: string): (News & { readonly from: string }) | null {
  try {
    const { f, s = [], o = [], d = [], g, i = null } = JSON.parse(text) as Wire;
    if (typeof f !== 'string') return null;
    return {
      from: f,
      standings: s.map(([productId, version, available]) => ({ productId, version, available })),
      orders: o.map(([orderId, status, updatedAt]) => ({ orderId, status, updatedAt })),
      decided: d,
      figures: i,
      gap: g === 1,
    };
  } catch {
    return null;
  }
}
