import type { Clock } from '../../../domain/clock.ts';
import type { OpenTroubles, Payments } from '../../../ports/payments.ts';
import type { ProviderEvent } from '../../../ports/provider.ts';
import type { Store } from '../store.ts';
import { createOrders } from './orders.ts';

type ProviderEvents = Pick<
  Payments,
  'endLease' | 'noteProviderId' | 'takeEvent' | 'openEvents' | 'closeEvent' | 'openTroubles'
>;

/** What the payment company tells by itself, and what the ledger keeps of it. */
export function createProviderEvents({ db, read, write }: Store, now: Clock): ProviderEvents {
  const orders = createOrders(db);
  const endLease = db.prepare(
    `UPDATE orders SET lease_until = 0 WHERE slot = ? AND status = 'charging' AND attempts = ?`,
  );
  const note = db.prepare(
    `UPDATE payments SET provider_id = ? WHERE order_id = ? AND attempt = ? AND status = 'pending'`,
  );
  const insert = db.prepare('INSERT INTO provider_events VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING');
  const isTaken = db.prepare<{ found: number }, [string]>(
    'SELECT 1 AS found FROM provider_events WHERE id = ?',
  );
  const isCaptured = db.prepare<{ found: number }, [string, number]>(
    `SELECT 1 AS found FROM payments
     WHERE order_id = ? AND attempt = ? AND status IN ('captured', 'refunding', 'refunded')`,
  );
  const open = db.prepare<ProviderEvent, [number]>(
    `SELECT id, subject, subject_id AS subjectId, key FROM provider_events WHERE open = 1 ORDER BY at, id LIMIT ?`,
  );
  const close = db.prepare('UPDATE provider_events SET open = 0 WHERE id = ?');
  const setTrouble = db.prepare(
    `INSERT INTO payment_troubles SELECT order_id, attempt, ?3, ?4, ?5, ?6 FROM payments WHERE order_id = ?1 AND attempt = ?2
     ON CONFLICT DO UPDATE SET state = ?4, provider_id = ?5, updated_at = ?6
     WHERE provider_id <> ?5 OR state = 'open'`,
  );
  const troubles = db.prepare<OpenTroubles, []>(
    `SELECT count(*) FILTER (WHERE state = 'open') AS disputes, count(*) FILTER (WHERE state = 'failed') AS failedRefunds
     FROM payment_troubles`,
  );

  function end(orderId: string, attempt: number): boolean {
    const order = orders.find(orderId);
    return order !== null && endLease.run(order.slot, attempt).changes === 1;
  }

  return {
    async endLease(orderId, attempt) {
      write(() => end(orderId, attempt));
    },
    async noteProviderId(orderId, attempt, providerId) {
      write(() => note.run(providerId, orderId, attempt));
    },
    async takeEvent({ id, subject, subjectId, key }, charge) {
      return write(() => {
        if (isTaken.get(id)) return 'again';
        const isPayment = subject === 'payment' && charge !== null;
        const isUnderWay = isPayment && end(charge.orderId, charge.attempt);
        const isKnown = isPayment && isCaptured.get(charge.orderId, charge.attempt) !== null;
        insert.run(id, now(), subject, subjectId, key, isUnderWay || isKnown ? 0 : 1);
        return isUnderWay ? 'charge' : isKnown ? 'known' : 'look';
      });
    },
    async openEvents(limit) {
      return read(() => open.all(limit));
    },
    async closeEvent(eventId, found) {
      write(() => {
        close.run(eventId);
        if (found === null) return;
        const { kind, state, providerId } = found.trouble;
        setTrouble.run(found.orderId, found.attempt, kind, state, providerId, now());
      });
    },
    async openTroubles() {
      return read(() => troubles.get()!);
    },
  };
}
