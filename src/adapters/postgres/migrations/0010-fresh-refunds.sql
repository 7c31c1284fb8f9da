-- Refunds that were never tried come before those that failed: where many fail again and again, a new one does not stand in
-- line behind them. While the payment company is away few are tried, so the first look passes over few; the index of what is
-- due serves both.
CREATE OR REPLACE FUNCTION pulsecart_lease_refunds(at_most integer, again_after_ms bigint) RETURNS SETOF payments
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
  now_ms bigint := pulsecart_now();
BEGIN
  RETURN QUERY
  WITH fresh AS MATERIALIZED (
    SELECT order_id, attempt, refund_due_at, false AS was_tried FROM payments
    WHERE refund_due_at <= now_ms AND refund_tries = 0
    ORDER BY refund_due_at, order_id, attempt LIMIT at_most FOR NO KEY UPDATE SKIP LOCKED
  ), failed AS MATERIALIZED (
    SELECT order_id, attempt, refund_due_at, true AS was_tried FROM payments
    WHERE refund_due_at <= now_ms AND refund_tries > 0
    ORDER BY refund_due_at, order_id, attempt LIMIT at_most - (SELECT count(*) FROM fresh) FOR NO KEY UPDATE SKIP LOCKED
  ), due AS MATERIALIZED (
    SELECT * FROM fresh UNION ALL SELECT * FROM failed
  ), leased AS (
    UPDATE payments p SET refund_due_at = now_ms + again_after_ms, refund_tries = p.refund_tries + 1
    FROM due WHERE p.order_id = due.order_id AND p.attempt = due.attempt RETURNING p.*
  )
  SELECT l.* FROM leased l JOIN due USING (order_id, attempt)
  ORDER BY due.was_tried, due.refund_due_at, order_id, attempt;
END $$;
