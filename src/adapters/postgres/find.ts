import type { Order } from '../../domain/order.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Found, OrderView, PaymentAttempt } from '../../ports/queries.ts';
import { idArray, isUuid } from './arrays.ts';
import type { Database } from './database.ts';

const FIND = `
  SELECT asked.id,
    CASE WHEN o.id IS NOT NULL THEN pulsecart_order(o) END AS "order",
    CASE WHEN r.purchase_id IS NOT NULL THEN json_build_object('kind', 'refused',
      'productId', nullif(r.product_id, 0), 'quantity', nullif(r.quantity, 0), 'code', r.code, 'available', r.available, 'decidedAt', r.decided_at) END AS refused
  FROM unnest($1::uuid[]) AS asked (id)
    LEFT JOIN orders o ON o.id = asked.id
    LEFT JOIN outcomes r ON r.purchase_id = asked.id
    LEFT JOIN attempts a ON a.purchase_id = asked.id AND a.needs_attention
  WHERE o.id IS NOT NULL OR r.purchase_id IS NOT NULL OR a.purchase_id IS NOT NULL`;

const ORDER = `
  SELECT pulsecart_order(o) AS "order",
    (SELECT coalesce(json_agg(json_build_object('attempt', p.attempt, 'amountMinor', p.amount_minor,
        'currency', p.currency, 'status', p.status, 'providerId', p.provider_id, 'reason', p.reason,
        'dispute', (SELECT state FROM payment_troubles t
          WHERE t.order_id = p.order_id AND t.attempt = p.attempt AND kind = 'dispute'),
        'refundFailed', EXISTS (SELECT FROM payment_troubles t
          WHERE t.order_id = p.order_id AND t.attempt = p.attempt AND kind = 'refund'),
        'createdAt', p.created_at, 'updatedAt', p.updated_at) ORDER BY p.attempt), '[]')
      FROM payments p WHERE p.order_id = o.id) AS payments
  FROM orders o WHERE o.id = $1`;

/** Reading what was decided, for a server as for an audit in its snapshot. */
export function createFind({ read }: Pick<Database, 'read'>): Pick<Ledger, 'find' | 'order'> {
  return {
    async find(purchaseIds) {
      const asked = purchaseIds.filter(isUuid);
      if (asked.length === 0) return new Map();
      const rows = await read<FoundRow>(FIND, [idArray(asked)]);
      const byId = new Map(rows.map((row) => [row.id, foundIn(row)]));
      // In the order asked for, which a join does not keep.
      return new Map(asked.flatMap((id) => (byId.has(id) ? [[id, byId.get(id)!]] : [])));
    },

    async order(orderId) {
      if (!isUuid(orderId)) return undefined;
      return (await read<OrderView & { payments: PaymentAttempt[] }>(ORDER, [orderId]))[0];
    },
  };
}

interface FoundRow {
  readonly id: string;
  readonly order: Order | null;
  readonly refused: Extract<Found, { kind: 'refused' }> | null;
}

function foundIn({ order, refused }: FoundRow): Found {
  return order ? { kind: 'order', order } : (refused ?? { kind: 'needs_attention' });
}
