-- The steps of an order after its decision, a batch at a time. Locks: products first, then orders by id.

-- `nextStatus` of the domain, for the steps that the ledger takes; a test compares the two.
CREATE FUNCTION pulsecart_next_status(status order_status, event text, hold_runs boolean) RETURNS order_status
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN status = 'charging' AND event = 'captured' THEN 'paid'::order_status
    WHEN status = 'charging' AND event = 'declined' THEN 'declined'
    WHEN status = 'charging' AND event = 'attempt_failed' AND hold_runs THEN 'reserved'
    WHEN status = 'charging' AND event IN ('attempt_failed', 'give_up') THEN 'expired'
    WHEN status = 'reserved' AND event = 'charge' AND hold_runs THEN 'charging'
    WHEN status = 'reserved' AND event = 'expire' THEN 'expired'
  END
$$;

-- Takes the charge lease of orders, or takes it over; answers those that it could take, in the order asked for.
CREATE FUNCTION pulsecart_lease(in_ids uuid[], lease_ms bigint) RETURNS SETOF orders LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET enable_bitmapscan = off AS $$
DECLARE
  now_ms bigint;
BEGIN
  PERFORM FROM orders WHERE id = ANY (in_ids) ORDER BY id FOR NO KEY UPDATE;
  now_ms := pulsecart_now();
  RETURN QUERY
  WITH taken AS (
    UPDATE orders AS o SET status = 'charging', lease_until = now_ms + lease_ms, updated_at = now_ms,
      attempts = CASE o.status WHEN 'charging' THEN o.attempts ELSE o.attempts + 1 END,
      leases = CASE o.status WHEN 'charging' THEN o.leases + 1 ELSE 1 END
    WHERE o.id = ANY (in_ids)
      AND (pulsecart_next_status(o.status, 'charge', now_ms < o.expires_at) IS NOT NULL
        OR o.status = 'charging' AND o.lease_until <= now_ms)
    RETURNING o.*
  ), begun AS (
    INSERT INTO payments (order_id, attempt, amount_minor, currency, created_at, updated_at)
    SELECT t.id, t.attempts, t.quantity * t.price_minor, t.currency, now_ms, now_ms FROM taken t WHERE t.leases = 1
  )
  SELECT * FROM taken t ORDER BY array_position(in_ids, t.id);
END $$;

-- Records what became of charges; answers the standings of the products whose units moved.
--   in_ids, in_attempts, in_leases   order, number of the attempt, and leases of the lease that asked
--   in_events                        'captured', 'declined', 'attempt_failed' or 'give_up'
--   in_providers, in_reasons         provider's id of a capture, reason of anything else
CREATE FUNCTION pulsecart_settle(
  in_ids uuid[], in_attempts integer[], in_leases integer[], in_events text[], in_providers text[], in_reasons text[]
) RETURNS TABLE (product_id bigint, version bigint, available bigint, orders integer) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
  now_ms   bigint;
  ids      uuid[];
  results  integer[];
  statuses order_status[];
BEGIN
  -- An order's product never changes, so that it may be read before it is locked.
  PERFORM FROM products WHERE id = ANY (ARRAY(SELECT DISTINCT product_id FROM orders WHERE id = ANY (in_ids)))
  ORDER BY id FOR NO KEY UPDATE;
  PERFORM FROM orders WHERE id = ANY (in_ids) ORDER BY id FOR NO KEY UPDATE;
  now_ms := pulsecart_now();

  -- Of several results for one order the first that applies ends its attempt; the others come too late.
  SELECT array_agg(a.id), array_agg(a.nth), array_agg(pulsecart_next_status('charging', a.event, now_ms < a.expires_at))
  INTO ids, results, statuses
  FROM (SELECT DISTINCT ON (r.id) r.id, r.nth, r.event, o.expires_at
    FROM unnest(in_ids, in_attempts, in_leases, in_events) WITH ORDINALITY AS r (id, attempt, leases, event, nth),
      LATERAL (SELECT status, attempts, leases, expires_at FROM orders WHERE id = r.id LIMIT 1) AS o
    WHERE o.status = 'charging' AND o.attempts = r.attempt AND (r.event <> 'attempt_failed' OR o.leases = r.leases)
    ORDER BY r.id, r.nth) AS a;
  UPDATE payments SET updated_at = now_ms,
    (status, provider_id, reason) = (
      SELECT CASE in_events[result] WHEN 'attempt_failed' THEN 'failed' WHEN 'give_up' THEN 'cancelled'
        ELSE in_events[result] END, in_providers[result], in_reasons[result]
      FROM (SELECT results[array_position(ids, order_id)]) AS r (result))
  WHERE order_id = ANY (ids) AND attempt = in_attempts[results[array_position(ids, order_id)]];
  RETURN QUERY SELECT * FROM pulsecart_advance(ids, statuses, now_ms);
END $$;

-- Expires reserved orders whose hold has run out, oldest first, at most so many; answers standings like pulsecart_settle.
CREATE FUNCTION pulsecart_expire(at_most integer)
RETURNS TABLE (product_id bigint, version bigint, available bigint, orders integer) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
  now_ms bigint := pulsecart_now();
  ids    uuid[];
BEGIN
  ids := ARRAY(SELECT id FROM orders WHERE open AND status = 'reserved' AND expires_at <= now_ms
    ORDER BY expires_at LIMIT at_most);
  PERFORM FROM products WHERE id = ANY (ARRAY(SELECT DISTINCT product_id FROM orders WHERE id = ANY (ids)))
  ORDER BY id FOR NO KEY UPDATE;
  -- Whoever had the locks before may have ended or leased some of them.
  ids := ARRAY(SELECT id FROM orders WHERE id = ANY (ids) AND status = 'reserved' ORDER BY id FOR NO KEY UPDATE);
  RETURN QUERY SELECT * FROM pulsecart_advance(
    ids, array_fill('expired'::order_status, ARRAY[cardinality(ids)]), pulsecart_now());
END $$;

-- Moves orders to these statuses, and their units with them; answers the standings of the products whose units moved, and by
-- how many orders. The caller has locked products and orders, and has seen that each order may take this step.
CREATE FUNCTION pulsecart_advance(in_ids uuid[], in_statuses order_status[], now_ms bigint)
RETURNS TABLE (product_id bigint, version bigint, available bigint, orders integer) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  back record;
BEGIN
  RETURN QUERY
  WITH moved AS (
    UPDATE orders SET lease_until = 0, updated_at = now_ms,
      status = in_statuses[array_position(in_ids, id)],
      open = in_statuses[array_position(in_ids, id)] = 'reserved'
    WHERE id = ANY (in_ids)
    RETURNING product_id, generation, quantity, status
  )
  UPDATE products p SET version = p.version + 1, reserved = p.reserved - m.units, sold = p.sold + m.sold,
    -- Units of an older round leave the product instead of being sold again, so that a round sells exactly its own.
    total = p.total - m.retired
  FROM (SELECT m.product_id, count(*)::integer AS orders, sum(m.quantity) AS units,
      coalesce(sum(m.quantity) FILTER (WHERE m.status = 'paid'), 0) AS sold,
      coalesce(sum(m.quantity) FILTER (WHERE m.status <> 'paid'
        AND m.generation <> (SELECT generation FROM products WHERE id = m.product_id)), 0) AS retired
    FROM moved m WHERE m.status <> 'reserved' GROUP BY m.product_id) m
  WHERE p.id = m.product_id
  RETURNING p.id, p.version, p.total - p.reserved - p.sold, m.orders;

  IF 'expired' = ANY (in_statuses) OR 'declined' = ANY (in_statuses) THEN
    FOR back IN SELECT product_id, generation, customer, sum(quantity) AS units FROM orders
      WHERE id = ANY (in_ids) AND status IN ('expired', 'declined') AND customer IS NOT NULL GROUP BY 1, 2, 3
    LOOP
      UPDATE holdings SET units = units - back.units
      WHERE product_id = back.product_id AND generation = back.generation AND customer = back.customer;
    END LOOP;
  END IF;
END $$;
