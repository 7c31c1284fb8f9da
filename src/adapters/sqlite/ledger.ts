import { randomBytes } from 'node:crypto';
import type { Clock } from '../../domain/clock.ts';
import type { AsyncCounts, KeyBinding } from '../../ports/decisions.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Found } from '../../ports/queries.ts';
import { createAuditLog } from './ledger/audit-log.ts';
import { createCancelRefund } from './ledger/cancel-refund.ts';
import { createDecide } from './ledger/decide.ts';
import { createHistory } from './ledger/history.ts';
import { createOrders, withoutLease } from './ledger/orders.ts';
import { createProducts } from './ledger/products.ts';
import { createProviderEvents } from './ledger/provider-events.ts';
import { createRefunds } from './ledger/refunds.ts';
import { createRetention } from './ledger/retention.ts';
import {
  foundRefused,
  OUTCOME_COLUMNS,
  type OutcomeRow,
  PAYMENT_COLUMNS,
  type PaymentRow,
  paymentIn,
} from './ledger/rows.ts';
import { createSearch } from './ledger/search.ts';
import { createSettle } from './ledger/settle.ts';
import { createWebhooks } from './ledger/webhooks.ts';
import type { Store } from './store.ts';

/**
 * The embedded ledger. It works in the thread that calls it, so a promise of it is settled before anything else runs; a
 * server gives it a thread of its own (src/adapters/sqlite/threaded.ts). The database's clock is the process's.
 */
export function openSqliteLedger(store: Store, now: Clock): Ledger {
  const { db, read, write, probe } = store;
  const decide = createDecide(db);
  const settle = createSettle(db);
  const refunds = createRefunds(db);
  const orders = createOrders(db);
  const auditLog = createAuditLog(db);
  const history = createHistory(db);
  const prune = createRetention(db);
  const search = createSearch(db, orders);
  const oneOutcome = db.prepare<OutcomeRow, [string]>(
    `SELECT ${OUTCOME_COLUMNS} FROM outcomes WHERE purchase_id = ?`,
  );
  const needsAttention = db.prepare<{ found: number }, [string]>(
    'SELECT 1 AS found FROM attempts WHERE purchase_id = ? AND needs_attention = 1',
  );
  const paymentsOf = db.prepare<PaymentRow, [string]>(
    `SELECT ${PAYMENT_COLUMNS} FROM payments WHERE order_id = ? ORDER BY attempt`,
  );
  const bindKey = db.prepare('INSERT INTO keys VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING');
  const boundKey = db.prepare<
    { fingerprint: string; purchaseId: string; acceptedAt: number },
    [string, string]
  >(
    `SELECT fingerprint, purchase_id AS purchaseId, accepted_at AS acceptedAt FROM keys WHERE scope = ? AND value = ?`,
  );
  const countAttempt = db.prepare<{ count: number }, [string]>(
    `INSERT INTO attempts (purchase_id, count) VALUES (?, 1)
     ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count`,
  );
  const setAttention = db.prepare(
    `INSERT INTO attempts (purchase_id, needs_attention) VALUES (?1, ?2)
     ON CONFLICT DO UPDATE SET needs_attention = ?2, count = iif(?2, count, 0)`,
  );
  const endOutcome = db.prepare("INSERT INTO outcomes VALUES (?, 0, 0, 'too_old', 0, ?, ?)");
  const asyncCounts = db.prepare<AsyncCounts, []>(
    `SELECT sum(value) FILTER (WHERE name IN ('async_queued', 'async_by_the_id')) AS accepted,
       sum(value) FILTER (WHERE name IN ('async_decided', 'async_by_the_id')) AS decided FROM counters`,
  );
  const count = db.prepare('UPDATE counters SET value = value + ? WHERE name = ?');
  const holdLead = db.prepare(
    `INSERT INTO leader_leases VALUES (?1, ?2, ?3)
     ON CONFLICT DO UPDATE SET owner = ?2, ends_at = ?3 WHERE owner = ?2 OR ends_at <= ?4`,
  );
  const leaveLead = db.prepare('DELETE FROM leader_leases WHERE job = ? AND owner = ?');
  const makeSecret = db.prepare('INSERT INTO secrets VALUES (?, ?) ON CONFLICT DO NOTHING');
  const readSecret = db.prepare<{ value: Uint8Array }, [string]>('SELECT value FROM secrets WHERE name = ?');

  const setNote = db.prepare(
    'INSERT INTO service_notes VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET at = ?2, value = ?3',
  );
  const readNote = db.prepare<{ at: number; value: string }, [string]>(
    'SELECT at, value FROM service_notes WHERE name = ?',
  );

  function findOne(id: string): Found | null {
    const order = orders.find(id);
    if (order) return { kind: 'order', order: withoutLease(order) };
    const outcome = oneOutcome.get(id);
    if (outcome) return foundRefused(outcome);
    return needsAttention.get(id) ? { kind: 'needs_attention' } : null;
  }

  function bind({ key, purchaseId, acceptedAt }: KeyBinding): KeyBinding {
    bindKey.run(key.scope, key.value, key.fingerprint, purchaseId, acceptedAt);
    const { fingerprint, ...first } = boundKey.get(key.scope, key.value)!;
    return { key: { ...key, fingerprint }, ...first };
  }

  return {
    ...createProducts(store, now),
    ...createCancelRefund(store, now),
    ...createWebhooks(store, now),
    ...createProviderEvents(store, now),
    async decide(purchases, again = false) {
      return write(() => decide(purchases, again, now()));
    },
    async conclude({ id, channel, decideBy }) {
      write(() => {
        if (now() < decideBy || orders.find(id) || oneOutcome.get(id)) return;
        endOutcome.run(id, now(), channel === 'sync' ? 1 : 0);
        if (channel === 'async') count.run(1, 'async_decided');
      });
    },
    async find(purchaseIds) {
      const found = new Map<string, Found>();
      for (const id of purchaseIds) {
        const one = read(() => findOne(id));
        if (one) found.set(id, one);
      }
      return found;
    },
    async order(orderId) {
      return read(() => {
        const order = orders.find(orderId);
        return order
          ? { order: withoutLease(order), payments: paymentsOf.all(orderId).map(paymentIn) }
          : undefined;
      });
    },
    async searchOrders(filter, limit) {
      return read(() => search(filter, limit));
    },
    async bindKeys(bindings) {
      return write(() => bindings.map(bind));
    },
    async countAttempts(purchaseIds) {
      return write(() => purchaseIds.map((id) => countAttempt.get(id)!.count));
    },
    async markNeedsAttention(purchaseIds, value) {
      write(() => {
        for (const id of purchaseIds) setAttention.run(id, value ? 1 : 0);
      });
    },
    async lease(orderIds, leaseMs, begins = 'all') {
      return write(() => settle.lease(orderIds, leaseMs, begins, now()));
    },
    async settle(results) {
      return write(() => settle.settle(results, now()));
    },
    async expireOverdue(limit) {
      return write(() => settle.expireOverdue(limit, now()));
    },
    async unsettled(olderThanMs, limit, begins = 'all') {
      return read(() => settle.unsettled(olderThanMs, limit, begins, now()));
    },
    async captureLate(captures) {
      return write(() => settle.captureLate(captures, now()));
    },
    async leaseRefunds(limit, againAfterMs) {
      return write(() => refunds.lease(limit, againAfterMs, now()));
    },
    async settleRefunds(settled) {
      return write(() => refunds.settle(settled, now()));
    },
    async refundsDue() {
      return read(() => refunds.due());
    },
    async countAccepted({ queued, decidedByTheId }) {
      write(() => {
        count.run(queued, 'async_queued');
        count.run(decidedByTheId, 'async_by_the_id');
      });
    },
    async asyncCounts() {
      return read(() => asyncCounts.get()!);
    },
    async holdLead(job, owner, forMs) {
      return write(() => holdLead.run(job, owner, now() + forMs, now()).changes === 1);
    },
    async leaveLead(job, owner) {
      write(() => leaveLead.run(job, owner));
    },
    async log(entry) {
      write(() => auditLog.write(entry, now()));
    },
    async prune(before, limit) {
      return write(() => prune(before, limit, now()));
    },
    async auditLog(limit, before) {
      return read(() => auditLog.read(limit, before));
    },
    async keepSample(sample) {
      write(() => history.keep(sample));
    },
    async samples(from, to, points) {
      return read(() => history.samples(from, to, points));
    },
    async courseBegan(to, breakMs) {
      return read(() => history.courseBegan(to, breakMs));
    },
    async pruneSamples(before, countMax, limit) {
      return write(() => history.prune(before, countMax, limit));
    },
    async setNote(name, value) {
      write(() => setNote.run(name, now(), value));
    },
    async note(name) {
      const found = read(() => readNote.get(name));
      return found && { value: found.value, ageMs: Math.max(0, now() - found.at) };
    },
    async secret(name, bytes) {
      return write(() => {
        makeSecret.run(name, randomBytes(bytes));
        return readSecret.get(name)!.value;
      });
    },
    async ping() {
      probe();
    },
    async close() {},
  };
}
