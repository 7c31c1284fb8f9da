import type { Operation } from '../../domain/operation.ts';
import type { OrderNews } from '../../domain/order.ts';
import type { Ended, LedgerEndings } from '../../ports/endings.ts';
import type { Standing } from '../../ports/ledger.ts';

/** How people end orders. What was done is on disk when a promise resolves; asking twice ends an order once. */
export interface Endings {
  /** By its customer (null: anonymous), whose order it must be, or by an operator, who says why. */
  cancel(orderId: string, by: Canceller): Promise<Ended>;
  /** The money is on its way back when this resolves, and has arrived when the order is `refunded`. */
  refund(orderId: string, operation: Operation): Promise<Ended>;
  /** Counts since the start. */
  readonly stats: { readonly cancelled: number };
}

export type Canceller = { readonly customer: string | null } | { readonly operation: Operation };

export interface EndingsDependencies {
  readonly ledger: Pick<LedgerEndings, 'cancel' | 'refund'>;
  /** Shows units that came back to gate and readers; a caller who is told of the cancel sees them there. */
  readonly follow: (standings: readonly Standing[]) => Promise<void>;
  readonly onOrders: (news: readonly OrderNews[]) => void;
  /** Begins to give money back. */
  readonly refundSoon: () => void;
}

export function createEndings({ ledger, follow, onOrders, refundSoon }: EndingsDependencies): Endings {
  const stats = { cancelled: 0 };

  async function tell(ended: Ended): Promise<void> {
    if (ended.kind !== 'done') return;
    const { id: orderId, status, updatedAt } = ended.order;
    onOrders([{ orderId, status, updatedAt }]);
    if (ended.standings.length > 0) await follow(ended.standings);
  }

  return {
    async cancel(orderId, by) {
      const ended = await ledger.cancel(orderId, by);
      // A repetition moves nothing.
      if (ended.kind === 'done' && ended.standings.length > 0) stats.cancelled++;
      await tell(ended);
      return ended;
    },

    async refund(orderId, operation) {
      const ended = await ledger.refund(orderId, operation);
      if (ended.kind === 'done') refundSoon();
      await tell(ended);
      return ended;
    },

    get stats() {
      return { ...stats };
    },
  };
}
