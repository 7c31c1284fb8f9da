import type { Ended, LeasedRefund, LedgerEndings, Moved, RefundsDue } from '../../ports/endings.ts';
import { joinMoved, NOTHING_MOVED } from '../../ports/moved.ts';
import { idArray, isUuid, numberArray, textArray } from './arrays.ts';
import type { Database } from './database.ts';

const CANCEL = `SELECT pulsecart_end($1, $2, $3, 'cancel', '{cancelled}', $4) AS ended`;
const REFUND = `SELECT pulsecart_end($1, true, NULL, 'refund', '{refunding,refunded}', $2) AS ended`;
const CAPTURE_LATE = 'SELECT pulsecart_capture_late($1, $2, $3) AS moved';
const LEASE_REFUNDS = `
  SELECT order_id AS "orderId", attempt, provider_id AS "providerId", amount_minor AS "amountMinor", currency,
    refund_tries AS tries
  FROM pulsecart_lease_refunds($1, $2)`;
const SETTLE_REFUNDS = 'SELECT pulsecart_settle_refunds($1, $2) AS moved';
// A payment that is refunding was changed last when it became so. The sums are floats: a bigint ends at a thousand orders at
// the limits, and with it everything that asks what is due.
const REFUNDS_DUE = `
  SELECT count(*) AS count, min(updated_at) AS "oldestAt", coalesce((SELECT json_agg(a) FROM (
      SELECT currency, sum(amount_minor)::float8 AS "amountMinor" FROM payments WHERE refund_due_at IS NOT NULL
      GROUP BY currency ORDER BY currency COLLATE "C") AS a), '[]') AS amounts
  FROM payments WHERE refund_due_at IS NOT NULL`;

/** How orders end by other than their charge, each step in one round trip (migrations/0001-settle.sql). */
export function createEndings({ read, write }: Database): LedgerEndings {
  async function end(statement: string, orderId: string, values: readonly unknown[]): Promise<Ended> {
    if (!isUuid(orderId)) return { kind: 'unknown_order' };
    return (await write<{ ended: Ended }>(statement, [orderId, ...values]))[0]!.ended;
  }

  return {
    cancel(orderId, { customer, operation }) {
      const written = operation ? JSON.stringify(operation) : null;
      return end(CANCEL, orderId, [customer === undefined, customer ?? null, written]);
    },

    refund: (orderId, operation) => end(REFUND, orderId, [JSON.stringify(operation)]),

    async captureLate(captures) {
      const known = captures.filter(({ orderId }) => isUuid(orderId));
      if (known.length === 0) return NOTHING_MOVED;
      const rows = await write<{ moved: Moved }>(CAPTURE_LATE, [
        idArray(known.map(({ orderId }) => orderId)),
        numberArray(known.map(({ attempt }) => attempt)),
        textArray(known.map(({ providerId }) => providerId)),
      ]);
      return joinMoved(...rows.map(({ moved }) => moved));
    },

    leaseRefunds: (limit, againAfterMs) => write<LeasedRefund>(LEASE_REFUNDS, [limit, againAfterMs]),

    async settleRefunds(refunds) {
      const known = refunds.filter(({ orderId }) => isUuid(orderId));
      if (known.length === 0) return NOTHING_MOVED;
      const [row] = await write<{ moved: Moved }>(SETTLE_REFUNDS, [
        idArray(known.map(({ orderId }) => orderId)),
        numberArray(known.map(({ attempt }) => attempt)),
      ]);
      return row!.moved;
    },

    async refundsDue() {
      return (await read<RefundsDue>(REFUNDS_DUE))[0]!;
    },
  };
}
