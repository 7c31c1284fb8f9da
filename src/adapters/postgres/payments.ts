import type { Order } from '../../domain/order.ts';
import { TEST_CURRENCY } from '../../domain/product.ts';
import { type Changes, joinChanges, NO_CHANGES } from '../../ports/changes.ts';
import type { LeasedOrder, LeasedRefund, Payments, RefundsDue } from '../../ports/payments.ts';
import { idArray, isUuid, numberArray, textArray } from './arrays.ts';
import type { Database } from './database.ts';
import { createProviderEvents } from './provider-events.ts';

const LEASE = `
  SELECT id, product_id AS "productId", generation, number, customer, quantity, price_minor AS "priceMinor", currency,
    channel, status, remaining, created_at AS "createdAt", expires_at AS "expiresAt", attempts,
    updated_at AS "updatedAt", leases,
    CASE WHEN leases > 1 THEN (SELECT provider_id FROM payments p WHERE p.order_id = l.id AND p.attempt = l.attempts) END
      AS "providerId",
    CASE WHEN leases > 1 THEN (SELECT created_at FROM payments p WHERE p.order_id = l.id AND p.attempt = l.attempts)
      ELSE updated_at END AS "beganAt"
  FROM pulsecart_lease($1, $2) l`;
/** The orders of which an attempt may be taken over, or begun without their buyer. */
const BEGUN_OR_HIDDEN = `
  SELECT id FROM orders WHERE id = ANY ($1) AND (status = 'charging' OR currency = '${TEST_CURRENCY}')`;
const SETTLE = 'SELECT pulsecart_record($1, $2, $3, $4, $5, $6) AS changes';
const EXPIRE = 'SELECT pulsecart_expire_holds($1) AS changes';
const UNSETTLED = `
  SELECT id FROM orders, pulsecart_now() AS now
  WHERE open
    AND (status = 'reserved' AND updated_at <= now - $1::bigint AND expires_at > now
        AND ($3::text IS NULL OR currency = $3)
      OR status = 'charging' AND lease_until <= now)
  ORDER BY expires_at LIMIT $2`;
const CAPTURE_LATE = 'SELECT pulsecart_capture_late($1, $2, $3) AS changes';
const LEASE_REFUNDS = `
  SELECT order_id AS "orderId", attempt, provider_id AS "providerId", amount_minor AS "amountMinor", currency,
    refund_tries AS tries
  FROM pulsecart_lease_refunds($1, $2)`;
const SETTLE_REFUNDS = 'SELECT pulsecart_settle_refunds($1, $2) AS changes';
// A payment that is refunding was changed last when it became so. The sums are floats: a bigint ends at a thousand orders at
// the limits, and with it everything that asks what is due.
const REFUNDS_DUE = `
  SELECT count(*) AS count, min(updated_at) AS "oldestAt", coalesce((SELECT json_agg(a) FROM (
      SELECT currency, sum(amount_minor)::float8 AS "amountMinor" FROM payments WHERE refund_due_at IS NOT NULL
      GROUP BY currency ORDER BY currency COLLATE "C") AS a), '[]') AS amounts
  FROM payments WHERE refund_due_at IS NOT NULL`;

/** The steps of an order after its decision, each in one round trip (migrations/0001-settle.sql). */
export function createPayments(database: Database): Omit<Payments, 'cancel' | 'refund'> {
  const { read, write } = database;

  /** Ids that are none of ours are left out before PostgreSQL refuses the whole batch for them. */
  async function change<T extends { readonly orderId: string }>(
    statement: string,
    steps: readonly T[],
    columns: (steps: readonly T[]) => readonly unknown[],
  ): Promise<Changes> {
    const known = steps.filter(({ orderId }) => isUuid(orderId));
    if (known.length === 0) return NO_CHANGES;
    const ids = idArray(known.map(({ orderId }) => orderId));
    const rows = await write<{ changes: Changes }>(statement, [ids, ...columns(known)]);
    return joinChanges(...rows.map(({ changes }) => changes));
  }

  return {
    ...createProviderEvents(database),

    async lease(orderIds, leaseMs, begins = 'all') {
      let ids = orderIds.filter(isUuid);
      if (begins === 'hidden' && ids.length > 0) {
        const rows = await read<{ id: string }>(BEGUN_OR_HIDDEN, [idArray(ids)]);
        ids = rows.map(({ id }) => id);
      }
      if (ids.length === 0) return [];
      const rows = await write<Order & Begun>(LEASE, [idArray(ids), leaseMs]);
      return rows.map(({ leases, providerId, beganAt, ...order }) => ({
        order,
        attempt: order.attempts,
        leases,
        providerId,
        beganAt,
        // The lease was its last change.
        holdRuns: order.updatedAt < order.expiresAt,
      }));
    },

    settle: (results) =>
      change(SETTLE, results, (known) => [
        numberArray(known.map(({ attempt }) => attempt)),
        numberArray(known.map(({ leases }) => leases)),
        textArray(known.map(({ result }) => result.type)),
        textArray(known.map(({ result }) => (result.type === 'captured' ? result.providerId : null))),
        textArray(known.map(({ result }) => (result.type === 'captured' ? null : result.reason))),
      ]),

    async expireOverdue(limit) {
      return (await write<{ changes: Changes }>(EXPIRE, [limit]))[0]!.changes;
    },

    async unsettled(olderThanMs, limit, begins = 'all') {
      const currency = begins === 'hidden' ? TEST_CURRENCY : null;
      const rows = await read<{ id: string }>(UNSETTLED, [olderThanMs, limit, currency]);
      return rows.map(({ id }) => id);
    },

    captureLate: (captures) =>
      change(CAPTURE_LATE, captures, (known) => [
        numberArray(known.map(({ attempt }) => attempt)),
        textArray(known.map(({ providerId }) => providerId)),
      ]),

    leaseRefunds: (limit, againAfterMs) => write<LeasedRefund>(LEASE_REFUNDS, [limit, againAfterMs]),

    settleRefunds: (refunds) =>
      change(SETTLE_REFUNDS, refunds, (known) => [numberArray(known.map(({ attempt }) => attempt))]),

    async refundsDue() {
      return (await read<RefundsDue>(REFUNDS_DUE))[0]!;
    },
  };
}

type Begun = Pick<LeasedOrder, 'leases' | 'providerId' | 'beganAt'>;
