import type { Order } from '../../domain/order.ts';
import type { Moved } from '../../ports/endings.ts';
import type { Ledger } from '../../ports/ledger.ts';
import { joinMoved, NOTHING_MOVED } from '../../ports/moved.ts';
import { idArray, isUuid, numberArray, textArray } from './arrays.ts';
import type { Database } from './database.ts';

const LEASE = `
  SELECT id, product_id AS "productId", generation, number, customer, quantity, price_minor AS "priceMinor", currency,
    channel, status, remaining, created_at AS "createdAt", expires_at AS "expiresAt", attempts,
    updated_at AS "updatedAt", leases
  FROM pulsecart_lease($1, $2)`;
const SETTLE = 'SELECT pulsecart_record($1, $2, $3, $4, $5, $6) AS moved';
const EXPIRE = 'SELECT pulsecart_expire_holds($1) AS moved';
const UNSETTLED = `
  SELECT id FROM orders, pulsecart_now() AS now
  WHERE open
    AND (status = 'reserved' AND updated_at <= now - $1::bigint AND expires_at > now
      OR status = 'charging' AND lease_until <= now)
  ORDER BY expires_at LIMIT $2`;

/** The steps of an order after its decision, each in one round trip (migrations/0001-settle.sql). */
export function createSettle({
  read,
  write,
}: Database): Pick<Ledger, 'lease' | 'settle' | 'expireOverdue' | 'unsettled'> {
  return {
    async lease(orderIds, leaseMs) {
      const ids = orderIds.filter(isUuid);
      if (ids.length === 0) return [];
      const rows = await write<Order & { leases: number }>(LEASE, [idArray(ids), leaseMs]);
      return rows.map(({ leases, ...order }) => ({
        order,
        attempt: order.attempts,
        leases,
        // The lease was its last change.
        holdRuns: order.updatedAt < order.expiresAt,
      }));
    },

    async settle(results) {
      const known = results.filter(({ orderId }) => isUuid(orderId));
      if (known.length === 0) return NOTHING_MOVED;
      const rows = await write<{ moved: Moved }>(SETTLE, [
        idArray(known.map(({ orderId }) => orderId)),
        numberArray(known.map(({ attempt }) => attempt)),
        numberArray(known.map(({ leases }) => leases)),
        textArray(known.map(({ result }) => result.type)),
        textArray(known.map(({ result }) => (result.type === 'captured' ? result.providerId : null))),
        textArray(known.map(({ result }) => (result.type === 'captured' ? null : result.reason))),
      ]);
      return joinMoved(...rows.map(({ moved }) => moved));
    },

    async expireOverdue(limit) {
      const [row] = await write<{ moved: Moved }>(EXPIRE, [limit]);
      return { expired: row!.moved.orders.length, ...row!.moved };
    },

    async unsettled(olderThanMs, limit) {
      const rows = await read<{ id: string }>(UNSETTLED, [olderThanMs, limit]);
      return rows.map(({ id }) => id);
    },
  };
}
