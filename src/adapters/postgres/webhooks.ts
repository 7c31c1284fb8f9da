import type {
  DeadWebhook,
  DueWebhook,
  StoredWebhookTarget,
  WebhookBacklog,
  WebhookEvents,
  WebhookResult,
} from '../../ports/webhooks.ts';
import { numberArray, textArray } from './arrays.ts';
import { LOG } from './audit-log.ts';
import type { Database } from './database.ts';

const SET_TARGETS = 'SELECT pulsecart_set_webhook_targets($1, $2)';
const TARGETS = `SELECT id, url, disabled_at AS "disabledAt", disabled_because AS "disabledBecause"
  FROM webhook_targets ORDER BY id`;
const BACKLOG = `
  SELECT target, count(*) FILTER (WHERE dead_at IS NULL) AS waiting,
    count(*) FILTER (WHERE dead_at IS NULL AND tries > 0) AS retrying,
    min(at) FILTER (WHERE dead_at IS NULL) AS "oldestAt", count(dead_at) AS dead
  FROM webhook_deliveries GROUP BY target ORDER BY target`;

const DUE = `
  SELECT d.seq, d.tries, d.status, d.at, pulsecart_order(o) AS "order"
  FROM (SELECT * FROM webhook_deliveries d
    WHERE target = $1 AND dead_at IS NULL AND due_at <= pulsecart_now()
      AND NOT EXISTS (SELECT FROM webhook_deliveries e
        WHERE e.target = d.target AND e.order_id = d.order_id AND e.dead_at IS NULL AND e.seq < d.seq)
    ORDER BY due_at, seq LIMIT $2) AS d JOIN orders o ON o.id = d.order_id
  ORDER BY d.due_at, d.seq`;

const DELIVERED = 'DELETE FROM webhook_deliveries WHERE seq = ANY ($1) AND dead_at IS NULL';
const FAILED = `
  WITH failed AS (
    UPDATE webhook_deliveries d SET tries = d.tries + 1, cause = r.cause, due_at = pulsecart_now() + r.again_after
    FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS r (seq, cause, again_after)
    WHERE d.seq = r.seq AND d.dead_at IS NULL
    RETURNING d.seq, d.target, d.order_id, d.due_at)
  UPDATE webhook_deliveries d SET due_at = greatest(d.due_at, f.due_at) FROM failed f
  WHERE d.target = f.target AND d.order_id = f.order_id AND d.dead_at IS NULL AND d.seq <> f.seq`;
const DEAD = `
  UPDATE webhook_deliveries d SET tries = d.tries + 1, cause = r.cause, dead_at = pulsecart_now()
  FROM unnest($1::bigint[], $2::text[]) AS r (seq, cause) WHERE d.seq = r.seq AND d.dead_at IS NULL`;
const DISABLE = `
  UPDATE webhook_targets t SET disabled_at = pulsecart_now(), disabled_because = r.cause
  FROM unnest($1::text[], $2::text[]) AS r (target, cause) WHERE t.id = r.target AND t.disabled_at IS NULL`;

const DEAD_ONES = `
  SELECT seq, target, order_id AS "orderId", status, at, tries, cause, dead_at AS "deadAt" FROM webhook_deliveries
  WHERE dead_at IS NOT NULL AND seq > $2 AND ($1::text IS NULL OR target = $1) ORDER BY seq LIMIT $3`;
const REPLAY = `
  UPDATE webhook_deliveries SET dead_at = NULL, tries = 0, cause = NULL, due_at = pulsecart_now() WHERE seq IN (
    SELECT seq FROM webhook_deliveries WHERE dead_at IS NOT NULL AND ($1::text IS NULL OR target = $1)
      AND ($2::bigint[] IS NULL OR seq = ANY ($2)) AND target IN (SELECT id FROM webhook_targets)
    ORDER BY seq LIMIT $3 FOR UPDATE)
  RETURNING seq`;
const ENABLE = `
  WITH enabled AS (
    UPDATE webhook_targets SET disabled_at = NULL, disabled_because = NULL WHERE id = $1 RETURNING id)
  UPDATE webhook_deliveries SET due_at = pulsecart_now()
  WHERE target IN (SELECT id FROM enabled) AND dead_at IS NULL AND due_at > pulsecart_now()`;
const IS_TARGET = 'SELECT FROM webhook_targets WHERE id = $1';
const LOGGED = 'SELECT FROM audit_log WHERE id = $1';

const END_WAITING = `
  UPDATE webhook_deliveries SET dead_at = pulsecart_now(), cause = 'the target was disabled for too long' WHERE seq IN (
    SELECT seq FROM webhook_deliveries WHERE dead_at IS NULL AND at < pulsecart_now() - $1
      AND target IN (SELECT id FROM webhook_targets WHERE disabled_at IS NOT NULL) ORDER BY seq LIMIT $2)`;
const PRUNE = `
  DELETE FROM webhook_deliveries WHERE seq IN (
    SELECT seq FROM webhook_deliveries WHERE dead_at IS NOT NULL AND dead_at < $1 ORDER BY seq LIMIT $2)
  RETURNING seq`;

type DueRow = Pick<DueWebhook, 'seq' | 'tries' | 'order'> & {
  readonly status: DueWebhook['order']['status'];
  readonly at: number;
};

/** What shops hear of orders (migrations/0005-webhooks.sql). */
export function createWebhooks({ read, write, transaction }: Database): WebhookEvents {
  return {
    async setWebhookTargets(targets) {
      await write(SET_TARGETS, [
        textArray(targets.map(({ id }) => id)),
        textArray(targets.map(({ url }) => url)),
      ]);
    },
    webhookTargets: () => read<StoredWebhookTarget>(TARGETS),
    webhookBacklog: () => read<WebhookBacklog>(BACKLOG),
    async dueWebhooks(targetId, limit) {
      const rows = await read<DueRow>(DUE, [targetId, limit]);
      return rows.map(({ seq, tries, order, status, at }) => {
        return { seq, tries, order: { ...order, status, updatedAt: at } };
      });
    },
    async recordWebhooks(results) {
      const of = <T extends WebhookResult['type']>(type: T) =>
        results.filter((one): one is Extract<WebhookResult, { type: T }> => one.type === type);
      const [delivered, failed, dead, gone] = [of('delivered'), of('failed'), of('dead'), of('gone')];
      const seqs = (some: readonly { readonly seq: number }[]) => numberArray(some.map(({ seq }) => seq));
      const causes = (some: readonly { readonly cause: string }[]) =>
        textArray(some.map(({ cause }) => cause));
      await transaction(async (query) => {
        if (delivered.length > 0) await query(DELIVERED, [seqs(delivered)]);
        if (failed.length > 0) {
          const pauses = numberArray(failed.map(({ againAfterMs }) => Math.round(againAfterMs)));
          await query(FAILED, [seqs(failed), causes(failed), pauses]);
        }
        if (dead.length > 0) await query(DEAD, [seqs(dead), causes(dead)]);
        if (gone.length > 0) {
          await query(DISABLE, [textArray(gone.map(({ targetId }) => targetId)), causes(gone)]);
        }
      });
    },
    deadWebhooks: (targetId, after, limit) => read<DeadWebhook>(DEAD_ONES, [targetId, after, limit]),
    replayWebhooks: ({ targetId, seqs }, limit, entry) =>
      transaction(async (query) => {
        if ((await query(LOGGED, [entry.id])).length > 0) return 0;
        const { length } = await query(REPLAY, [targetId, seqs && numberArray(seqs), limit]);
        await query(LOG, [JSON.stringify({ ...entry, details: { ...entry.details, replayed: length } })]);
        return length;
      }),
    enableWebhookTarget: (targetId, entry) =>
      transaction(async (query) => {
        if ((await query(IS_TARGET, [targetId])).length === 0) return false;
        await query(ENABLE, [targetId]);
        await query(LOG, [JSON.stringify(entry)]);
        return true;
      }),
    async pruneWebhooks(deadBefore, waitingMs, limit) {
      await write(END_WAITING, [waitingMs, limit]);
      return (await write(PRUNE, [deadBefore, limit])).length;
    },
  };
}
