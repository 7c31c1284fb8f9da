import type { OpenTroubles, Payments } from '../../ports/payments.ts';
import type { ProviderEvent } from '../../ports/provider.ts';
import { isUuid } from './arrays.ts';
import type { Database } from './database.ts';

type ProviderEvents = Pick<
  Payments,
  'endLease' | 'noteProviderId' | 'takeEvent' | 'openEvents' | 'closeEvent' | 'openTroubles'
>;

const END_LEASE = `UPDATE orders SET lease_until = 0 WHERE id = $1 AND status = 'charging' AND attempts = $2`;
const NOTE = `
  UPDATE payments SET provider_id = $3 WHERE order_id = $1 AND attempt = $2 AND status = 'pending'`;
const TAKE = `
  WITH ended AS (
    UPDATE orders SET lease_until = 0
    WHERE $2 = 'payment' AND id = $5::uuid AND status = 'charging' AND attempts = $6::integer
      AND NOT EXISTS (SELECT FROM provider_events WHERE id = $1)
    RETURNING id
  ), known AS (
    SELECT FROM payments WHERE $2 = 'payment' AND order_id = $5::uuid AND attempt = $6::integer
      AND status IN ('captured', 'refunding', 'refunded')
  ), taken AS (
    INSERT INTO provider_events (id, at, subject, subject_id, key, open)
    SELECT $1, pulsecart_now(), $2, $3, $4, NOT EXISTS (SELECT FROM ended) AND NOT EXISTS (SELECT FROM known)
    ON CONFLICT DO NOTHING RETURNING id
  )
  SELECT CASE WHEN NOT EXISTS (SELECT FROM taken) THEN 'again' WHEN EXISTS (SELECT FROM ended) THEN 'charge'
    WHEN EXISTS (SELECT FROM known) THEN 'known' ELSE 'look' END AS taken`;
const OPEN = `
  SELECT id, subject, subject_id AS "subjectId", key FROM provider_events WHERE open ORDER BY at, id LIMIT $1`;
const CLOSE = `
  WITH closed AS (UPDATE provider_events SET open = false WHERE id = $1)
  INSERT INTO payment_troubles AS t (order_id, attempt, kind, state, provider_id, updated_at)
  SELECT order_id, attempt, $4, $5, $6, pulsecart_now() FROM payments
  WHERE order_id = $2::uuid AND attempt = $3::integer
  ON CONFLICT (order_id, attempt, kind) DO UPDATE SET state = EXCLUDED.state, provider_id = EXCLUDED.provider_id,
    updated_at = EXCLUDED.updated_at
  WHERE t.provider_id <> EXCLUDED.provider_id OR t.state = 'open'`;
const TROUBLES = `
  SELECT count(*) FILTER (WHERE state = 'open') AS disputes, count(*) FILTER (WHERE state = 'failed') AS "failedRefunds"
  FROM payment_troubles`;

/** What the payment company tells by itself, and what the ledger keeps of it. */
export function createProviderEvents({ read, write }: Pick<Database, 'read' | 'write'>): ProviderEvents {
  return {
    async endLease(orderId, attempt) {
      if (isUuid(orderId)) await write(END_LEASE, [orderId, attempt]);
    },
    async noteProviderId(orderId, attempt, providerId) {
      if (isUuid(orderId)) await write(NOTE, [orderId, attempt, providerId]);
    },
    async takeEvent({ id, subject, subjectId, key }, charge) {
      const named = charge && isUuid(charge.orderId) ? charge : null;
      const event = [id, subject, subjectId, key, named?.orderId ?? null, named?.attempt ?? null];
      const [row] = await write<{ taken: Awaited<ReturnType<Payments['takeEvent']>> }>(TAKE, event);
      return row!.taken;
    },
    openEvents: (limit) => read<ProviderEvent>(OPEN, [limit]),
    async closeEvent(eventId, found) {
      const named = found && isUuid(found.orderId) ? found : null;
      const { kind, state, providerId } = named?.trouble ?? {};
      await write(CLOSE, [eventId, named?.orderId, named?.attempt, kind, state, providerId]);
    },
    openTroubles: async () => (await read<OpenTroubles>(TROUBLES))[0]!,
  };
}
