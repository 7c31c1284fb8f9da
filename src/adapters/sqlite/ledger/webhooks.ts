import type { Database } from 'bun:sqlite';
import type { AuditEntry } from '../../../domain/audit-entry.ts';
import type { Clock } from '../../../domain/clock.ts';
import type { OrderStatus } from '../../../domain/order.ts';
import type {
  DeadWebhook,
  StoredWebhookTarget,
  WebhookBacklog,
  WebhookEvents,
  WebhookResult,
} from '../../../ports/webhooks.ts';
import type { Store } from '../store.ts';
import { createAuditLog } from './audit-log.ts';
import { createOrders, withoutLease } from './orders.ts';

/**
 * All that changes an order passes these, whatever step it belongs to, and without targets they are not there, so that then
 * no step costs more. An order that moves while an earlier event waits for its next try waits with it.
 */
const WATCH = `
  CREATE TRIGGER IF NOT EXISTS webhooks_made AFTER INSERT ON orders BEGIN
    INSERT INTO webhook_deliveries (target, order_id, status, at, due_at)
    SELECT id, new.id, new.status, new.created_at, new.created_at FROM webhook_targets;
  END;
  CREATE TRIGGER IF NOT EXISTS webhooks_moved AFTER UPDATE OF status ON orders
  WHEN new.status IS NOT old.status AND new.status NOT IN ('reserved', 'charging') BEGIN
    INSERT INTO webhook_deliveries (target, order_id, status, at, due_at)
    SELECT t.id, new.id, new.status, new.updated_at, max(new.updated_at, coalesce((SELECT max(d.due_at)
      FROM webhook_deliveries d WHERE d.target = t.id AND d.order_id = new.id AND d.dead_at IS NULL), 0))
    FROM webhook_targets t;
  END`;
const UNWATCH = 'DROP TRIGGER IF EXISTS webhooks_made; DROP TRIGGER IF EXISTS webhooks_moved';

interface DueRow {
  readonly seq: number;
  readonly orderId: string;
  readonly status: OrderStatus;
  readonly at: number;
  readonly tries: number;
}

/** What shops hear of orders. */
export function createWebhooks({ db, read, write }: Store, now: Clock): WebhookEvents {
  const statements = prepare(db);
  const orders = createOrders(db);
  const auditLog = createAuditLog(db);

  function record(result: WebhookResult): void {
    switch (result.type) {
      case 'delivered':
        statements.delivered.run(result.seq);
        return;
      case 'failed': {
        const { seq, cause, againAfterMs } = result;
        const dueAt = now() + againAfterMs;
        if (statements.failed.run(cause, dueAt, seq).changes > 0) statements.postpone.run(dueAt, seq);
        return;
      }
      case 'dead':
        statements.dead.run(now(), result.cause, result.seq);
        return;
      case 'gone':
        statements.disable.run(now(), result.cause, result.targetId);
    }
  }

  /** Null where the entry is written down already: it was done before. */
  function logged<T>(entry: AuditEntry, details: Record<string, unknown>, done: T): T {
    auditLog.write({ ...entry, details: { ...entry.details, ...details } }, now());
    return done;
  }

  return {
    async setWebhookTargets(targets) {
      write(() => {
        const ids = JSON.stringify(targets.map(({ id }) => id));
        statements.removeOthers.run(ids);
        for (const { id, url } of targets) statements.addTarget.run(id, url);
        statements.endOthers.run(now(), ids);
        db.exec(targets.length > 0 ? WATCH : UNWATCH);
      });
    },
    async webhookTargets() {
      return read(() => statements.targets.all());
    },
    async webhookBacklog() {
      return read(() => statements.backlog.all());
    },
    async dueWebhooks(targetId, limit) {
      return read(() =>
        statements.due.all(targetId, now(), limit).map(({ seq, tries, orderId, status, at }) => {
          const order = withoutLease(orders.find(orderId)!);
          return { seq, tries, order: { ...order, status, updatedAt: at } };
        }),
      );
    },
    async recordWebhooks(results) {
      write(() => results.forEach(record));
    },
    async deadWebhooks(targetId, after, limit) {
      return read(() => statements.deadOnes.all(targetId, after, limit));
    },
    async replayWebhooks({ targetId, seqs }, limit, entry) {
      return write(() => {
        if (auditLog.earlier(entry)) return 0;
        const { changes } = statements.replay.run(now(), targetId, seqs && JSON.stringify(seqs), limit);
        return logged(entry, { replayed: changes }, changes);
      });
    },
    async enableWebhookTarget(targetId, entry) {
      return write(() => {
        if (statements.enable.run(targetId).changes === 0) return false;
        statements.hurry.run(now(), targetId);
        return logged(entry, {}, true);
      });
    },
    async pruneWebhooks(deadBefore, waitingMs, limit) {
      return write(() => {
        statements.endWaiting.run(now(), now() - waitingMs, limit);
        return statements.prune.run(deadBefore, limit).changes;
      });
    },
  };
}

function prepare(db: Database) {
  return {
    removeOthers: db.prepare('DELETE FROM webhook_targets WHERE id NOT IN (SELECT value FROM json_each(?))'),
    addTarget: db.prepare('INSERT INTO webhook_targets (id, url) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    endOthers: db.prepare(
      `UPDATE webhook_deliveries SET dead_at = ?, cause = 'the target is no longer configured'
       WHERE dead_at IS NULL AND target NOT IN (SELECT value FROM json_each(?))`,
    ),
    targets: db.prepare<StoredWebhookTarget, []>(
      `SELECT id, url, disabled_at AS disabledAt, disabled_because AS disabledBecause FROM webhook_targets ORDER BY id`,
    ),
    backlog: db.prepare<WebhookBacklog, []>(
      `SELECT target, count(*) FILTER (WHERE dead_at IS NULL) AS waiting,
         count(*) FILTER (WHERE dead_at IS NULL AND tries > 0) AS retrying,
         min(at) FILTER (WHERE dead_at IS NULL) AS oldestAt, count(dead_at) AS dead
       FROM webhook_deliveries GROUP BY target ORDER BY target`,
    ),
    due: db.prepare<DueRow, [string, number, number]>(
      `SELECT seq, order_id AS orderId, status, at, tries FROM webhook_deliveries d
       WHERE target = ?1 AND dead_at IS NULL AND due_at <= ?2
         AND NOT EXISTS (SELECT 1 FROM webhook_deliveries e
           WHERE e.target = d.target AND e.order_id = d.order_id AND e.dead_at IS NULL AND e.seq < d.seq)
       ORDER BY due_at, seq LIMIT ?3`,
    ),
    delivered: db.prepare('DELETE FROM webhook_deliveries WHERE seq = ? AND dead_at IS NULL'),
    failed: db.prepare(
      'UPDATE webhook_deliveries SET tries = tries + 1, cause = ?, due_at = ? WHERE seq = ? AND dead_at IS NULL',
    ),
    postpone: db.prepare(
      `UPDATE webhook_deliveries SET due_at = max(due_at, ?1)
       WHERE (target, order_id) = (SELECT target, order_id FROM webhook_deliveries WHERE seq = ?2) AND dead_at IS NULL`,
    ),
    dead: db.prepare(
      'UPDATE webhook_deliveries SET tries = tries + 1, dead_at = ?, cause = ? WHERE seq = ? AND dead_at IS NULL',
    ),
    disable: db.prepare(
      'UPDATE webhook_targets SET disabled_at = ?, disabled_because = ? WHERE id = ? AND disabled_at IS NULL',
    ),
    enable: db.prepare('UPDATE webhook_targets SET disabled_at = NULL, disabled_because = NULL WHERE id = ?'),
    hurry: db.prepare(
      'UPDATE webhook_deliveries SET due_at = ?1 WHERE target = ?2 AND dead_at IS NULL AND due_at > ?1',
    ),
    deadOnes: db.prepare<DeadWebhook, [string | null, number, number]>(
      `SELECT seq, target, order_id AS orderId, status, at, tries, cause, dead_at AS deadAt FROM webhook_deliveries
       WHERE dead_at IS NOT NULL AND seq > ?2 AND (?1 IS NULL OR target = ?1) ORDER BY seq LIMIT ?3`,
    ),
    replay: db.prepare(
      `UPDATE webhook_deliveries SET dead_at = NULL, tries = 0, cause = NULL, due_at = ?1 WHERE seq IN (
         SELECT seq FROM webhook_deliveries WHERE dead_at IS NOT NULL AND (?2 IS NULL OR target = ?2)
           AND (?3 IS NULL OR seq IN (SELECT value FROM json_each(?3)))
           AND target IN (SELECT id FROM webhook_targets) ORDER BY seq LIMIT ?4)`,
    ),
    endWaiting: db.prepare(
      `UPDATE webhook_deliveries SET dead_at = ?1, cause = 'the target was disabled for too long' WHERE seq IN (
         SELECT seq FROM webhook_deliveries WHERE dead_at IS NULL AND at < ?2
           AND target IN (SELECT id FROM webhook_targets WHERE disabled_at IS NOT NULL) ORDER BY seq LIMIT ?3)`,
    ),
    prune: db.prepare(
      `DELETE FROM webhook_deliveries WHERE seq IN (
         SELECT seq FROM webhook_deliveries WHERE dead_at IS NOT NULL AND dead_at < ? ORDER BY seq LIMIT ?)`,
    ),
  };
}
