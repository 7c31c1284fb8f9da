-- The steps of an order after its decision, a batch at a time, and of money that goes back. Locks: products first, then orders
-- by id.

-- `nextStatus` of the domain; a test compares the two. What a step depends on comes in `hold_runs`: for a late capture, that
-- the order could have its units again.
CREATE FUNCTION pulsecart_next_status(status order_status, event text, hold_runs boolean) RETURNS order_status
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN status = 'charging' AND event = 'captured' THEN 'paid'::order_status
    WHEN status = 'charging' AND event = 'declined' THEN 'declined'
    WHEN status = 'charging' AND event = 'attempt_failed' AND hold_runs THEN 'reserved'
    WHEN status = 'charging' AND event IN ('attempt_failed', 'give_up') THEN 'expired'
    WHEN status = 'reserved' AND event = 'charge' AND hold_runs THEN 'charging'
    WHEN status = 'reserved' AND event = 'expire' THEN 'expired'
    WHEN status = 'reserved' AND event = 'cancel' THEN 'cancelled'
    WHEN status = 'paid' AND event = 'refund' THEN 'refunding'
    WHEN status IN ('refunding', 'returning') AND event = 'refunded' THEN 'refunded'
    WHEN status = 'reserved' AND event = 'late_capture' THEN 'paid'
    WHEN status = 'expired' AND event = 'late_capture' AND hold_runs THEN 'paid'
    WHEN status IN ('expired', 'cancelled', 'declined') AND event = 'late_capture' THEN 'returning'
  END
$$;

-- `unitsHeldAs` of the domain; a test compares the two.
CREATE FUNCTION pulsecart_held_as(status order_status) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN status IN ('reserved', 'charging') THEN 'reserved' WHEN status IN ('paid', 'refunding') THEN 'sold' END
$$;

-- Locks orders and their products, in the order of locks that the decisions keep to. An order's product never changes, so that it may be
-- read before it is locked.
CREATE FUNCTION pulsecart_lock_orders(in_ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM products WHERE id = ANY (ARRAY(SELECT DISTINCT product_id FROM orders WHERE id = ANY (in_ids)))
  ORDER BY id FOR NO KEY UPDATE;
  PERFORM FROM orders WHERE id = ANY (in_ids) ORDER BY id FOR NO KEY UPDATE;
END $$;

-- Moves orders from these statuses to those, and their units with them; answers the `Changes`.
-- The caller has locked the orders, and the products whose units move, and has seen that each order may take this step.
CREATE FUNCTION pulsecart_move(in_ids uuid[], in_before order_status[], in_after order_status[], now_ms bigint)
RETURNS jsonb LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  changes jsonb;
  change   record;
BEGIN
  WITH moved AS (
    UPDATE orders SET lease_until = 0, updated_at = now_ms,
      status = in_after[array_position(in_ids, id)],
      open = coalesce(pulsecart_held_as(in_after[array_position(in_ids, id)]) = 'reserved', false)
    WHERE id = ANY (in_ids)
    RETURNING id, product_id, generation, quantity, status,
      pulsecart_held_as(in_before[array_position(in_ids, id)]) AS held, pulsecart_held_as(status) AS holds
  ), moved_products AS (
    UPDATE products p SET version = p.version + 1, reserved = p.reserved + m.reserved, sold = p.sold + m.sold,
      -- Units of an older round leave the product instead of being sold again, so that a round sells exactly its own.
      total = p.total - m.retired
    FROM (SELECT m.product_id,
        coalesce(sum(m.quantity) FILTER (WHERE m.holds = 'reserved'), 0)
          - coalesce(sum(m.quantity) FILTER (WHERE m.held = 'reserved'), 0) AS reserved,
        coalesce(sum(m.quantity) FILTER (WHERE m.holds = 'sold'), 0)
          - coalesce(sum(m.quantity) FILTER (WHERE m.held = 'sold'), 0) AS sold,
        coalesce(sum(m.quantity) FILTER (WHERE m.holds IS NULL
          AND m.generation <> (SELECT generation FROM products WHERE id = m.product_id)), 0) AS retired
      FROM moved m WHERE m.holds IS DISTINCT FROM m.held GROUP BY m.product_id) m
    WHERE p.id = m.product_id
    RETURNING pulsecart_product(p) AS product
  )
  SELECT jsonb_build_object(
    'products', (SELECT coalesce(jsonb_agg(product), '[]') FROM moved_products),
    'orders', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'status', status, 'updatedAt', now_ms)), '[]')
      FROM moved),
    'reserved', '[]'::jsonb, 'decided', '[]'::jsonb)
  INTO changes;

  IF EXISTS (SELECT FROM unnest(in_before, in_after) AS s (before, after)
    WHERE (pulsecart_held_as(s.before) IS NULL) <> (pulsecart_held_as(s.after) IS NULL))
  THEN
    FOR change IN SELECT product_id, generation, customer, sum(quantity
        * ((pulsecart_held_as(in_after[array_position(in_ids, id)]) IS NOT NULL)::integer
          - (pulsecart_held_as(in_before[array_position(in_ids, id)]) IS NOT NULL)::integer)) AS units
      FROM orders WHERE id = ANY (in_ids) AND customer IS NOT NULL GROUP BY 1, 2, 3
    LOOP
      UPDATE holdings SET units = units + change.units
      WHERE product_id = change.product_id AND generation = change.generation AND customer = change.customer;
      IF NOT FOUND AND change.units > 0 THEN
        -- Where there is none and the sale has no limit, there is nothing to count.
        INSERT INTO holdings (product_id, generation, units, customer)
        SELECT id, change.generation, change.units, change.customer FROM products
        WHERE id = change.product_id AND per_customer_limit IS NOT NULL;
      END IF;
    END LOOP;
  END IF;
  RETURN changes;
END $$;

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

-- Takes captures of attempts that were over, one by one: the units that one takes are no longer left for the next. Answers
-- `Changes` for each that moved its order.
CREATE FUNCTION pulsecart_capture_late(in_ids uuid[], in_attempts integer[], in_providers text[])
RETURNS SETOF jsonb LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET enable_bitmapscan = off AS $$
DECLARE
  now_ms bigint;
  o      orders;
  event  text;
  next   order_status;
BEGIN
  PERFORM pulsecart_lock_orders(in_ids);
  now_ms := pulsecart_now();
  FOR nth IN 1 .. cardinality(in_ids) LOOP
    SELECT * INTO o FROM orders WHERE id = in_ids[nth];
    -- The provider told of the others before.
    PERFORM FROM payments WHERE order_id = o.id AND attempt = in_attempts[nth]
      AND status NOT IN ('captured', 'refunding', 'refunded');
    CONTINUE WHEN NOT FOUND;
    event := CASE WHEN o.status = 'charging' AND o.attempts = in_attempts[nth] THEN 'captured' ELSE 'late_capture' END;
    next := pulsecart_next_status(o.status, event, (
      SELECT p.generation = o.generation AND p.total - p.reserved - p.sold >= o.quantity
        AND (p.per_customer_limit IS NULL OR o.customer IS NULL OR o.quantity + coalesce((SELECT h.units FROM holdings h
          WHERE h.product_id = p.id AND h.generation = p.generation AND h.customer = o.customer), 0) <= p.per_customer_limit)
      FROM products p WHERE p.id = o.product_id));
    UPDATE payments SET provider_id = in_providers[nth], reason = NULL, updated_at = now_ms,
      status = CASE WHEN next = 'paid' THEN 'captured' ELSE 'refunding' END,
      refund_due_at = CASE WHEN next = 'paid' THEN NULL ELSE now_ms END
    WHERE order_id = o.id AND attempt = in_attempts[nth];
    IF next IS NOT NULL THEN
      RETURN NEXT pulsecart_move(ARRAY[o.id], ARRAY[o.status], ARRAY[next], now_ms);
    END IF;
  END LOOP;
END $$;

-- Records what became of charges; answers `Changes` for all that were asked for, and one for each that came too late.
--   in_ids, in_attempts, in_leases   order, number of the attempt, and leases of the lease that asked
--   in_events                        'captured', 'declined', 'attempt_failed' or 'give_up'
--   in_providers, in_reasons         provider's id of a capture, reason of anything else
CREATE FUNCTION pulsecart_record(
  in_ids uuid[], in_attempts integer[], in_leases integer[], in_events text[], in_providers text[], in_reasons text[]
) RETURNS SETOF jsonb LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET enable_bitmapscan = off AS $$
DECLARE
  now_ms   bigint;
  ids      uuid[];
  results  integer[];
  statuses order_status[];
  captures integer;
BEGIN
  PERFORM pulsecart_lock_orders(in_ids);
  now_ms := pulsecart_now();

  -- Of several results for one order the first that applies ends its attempt; the others come too late.
  SELECT coalesce(array_agg(a.id), '{}'), array_agg(a.nth),
    array_agg(pulsecart_next_status('charging', a.event, now_ms < a.expires_at)),
    count(*) FILTER (WHERE a.event = 'captured')
  INTO ids, results, statuses, captures
  FROM (SELECT DISTINCT ON (r.id) r.id, r.nth, r.event, o.expires_at
    FROM unnest(in_ids, in_attempts, in_leases, in_events) WITH ORDINALITY AS r (id, attempt, leases, event, nth),
      LATERAL (SELECT status, attempts, leases, expires_at FROM orders WHERE id = r.id LIMIT 1) AS o
    WHERE o.status = 'charging' AND o.attempts = r.attempt AND (r.event <> 'attempt_failed' OR o.leases = r.leases)
    ORDER BY r.id, r.nth) AS a;
  IF ids <> '{}' THEN
    UPDATE payments SET updated_at = now_ms,
      (status, provider_id, reason) = (
        SELECT CASE in_events[result] WHEN 'attempt_failed' THEN 'failed' WHEN 'give_up' THEN 'cancelled'
          ELSE in_events[result] END, in_providers[result], in_reasons[result]
        FROM (SELECT results[array_position(ids, order_id)]) AS r (result))
    WHERE order_id = ANY (ids) AND attempt = in_attempts[results[array_position(ids, order_id)]];
    RETURN NEXT pulsecart_move(ids, array_fill('charging'::order_status, ARRAY[cardinality(ids)]), statuses, now_ms);
  END IF;

  IF captures < cardinality(array_positions(in_events, 'captured')) THEN
    RETURN QUERY SELECT m FROM (
      SELECT array_agg(r.id ORDER BY r.nth) AS ids, array_agg(r.attempt ORDER BY r.nth) AS attempts,
        array_agg(r.provider ORDER BY r.nth) AS providers
      FROM unnest(in_ids, in_attempts, in_events, in_providers) WITH ORDINALITY AS r (id, attempt, event, provider, nth)
      WHERE r.event = 'captured' AND r.nth <> ALL (coalesce(results, '{}'))
    ) AS late, pulsecart_capture_late(late.ids, late.attempts, late.providers) AS m;
  END IF;
END $$;

-- Expires reserved orders whose hold has run out, oldest first, at most so many.
CREATE FUNCTION pulsecart_expire_holds(at_most integer) RETURNS jsonb LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET enable_bitmapscan = off AS $$
DECLARE
  now_ms bigint := pulsecart_now();
  ids    uuid[];
BEGIN
  ids := ARRAY(SELECT id FROM orders WHERE open AND status = 'reserved' AND expires_at <= now_ms
    ORDER BY expires_at LIMIT at_most);
  PERFORM pulsecart_lock_orders(ids);
  -- The transaction that had the locks before may have ended or leased some of them.
  ids := ARRAY(SELECT id FROM orders WHERE id = ANY (ids) AND status = 'reserved');
  RETURN pulsecart_move(ids, array_fill('reserved'::order_status, ARRAY[cardinality(ids)]),
    array_fill('expired'::order_status, ARRAY[cardinality(ids)]), pulsecart_now());
END $$;

-- Takes a step of people that was decided for an order in the status `in_before`. Answers {kind, changes}: `done`, `refused` when
-- the operation is written down already, `moved_on` when the order has come to another status since.
CREATE FUNCTION pulsecart_end(in_id uuid, in_before order_status, in_after order_status, operation jsonb) RETURNS jsonb
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET enable_bitmapscan = off AS $$
DECLARE
  now_ms bigint;
BEGIN
  PERFORM pulsecart_lock_orders(ARRAY[in_id]);
  PERFORM FROM orders WHERE id = in_id AND status = in_before;
  IF NOT FOUND THEN
    RETURN '{"kind": "moved_on"}';
  ELSIF operation IS NOT NULL AND NOT pulsecart_log(operation) THEN
    RETURN '{"kind": "refused"}';
  END IF;
  now_ms := pulsecart_now();
  IF in_after = 'refunding' THEN
    UPDATE payments SET status = 'refunding', refund_due_at = now_ms, updated_at = now_ms
    WHERE order_id = in_id AND status = 'captured';
  END IF;
  RETURN jsonb_build_object('kind', 'done',
    'changes', pulsecart_move(ARRAY[in_id], ARRAY[in_before], ARRAY[in_after], now_ms));
END $$;

-- Refunds that were never tried come before those that failed: where many fail again and again, a new one does not stand in
-- line behind them. While the payment company is away few are tried, so the first look passes over few; the index of what is
-- due serves both.
CREATE FUNCTION pulsecart_lease_refunds(at_most integer, again_after_ms bigint) RETURNS SETOF payments
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

-- Records refunds that were carried out; an order whose last one this is has ended.
CREATE FUNCTION pulsecart_settle_refunds(in_ids uuid[], in_attempts integer[]) RETURNS jsonb LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET enable_bitmapscan = off AS $$
DECLARE
  now_ms   bigint;
  ids      uuid[];
  statuses order_status[];
BEGIN
  PERFORM pulsecart_lock_orders(in_ids);
  now_ms := pulsecart_now();
  UPDATE payments SET status = 'refunded', refund_due_at = NULL, updated_at = now_ms
  WHERE order_id = ANY (in_ids) AND status = 'refunding'
    AND EXISTS (SELECT FROM unnest(in_ids, in_attempts) AS r (id, attempt) WHERE r.id = order_id AND r.attempt = payments.attempt);
  SELECT coalesce(array_agg(o.id), '{}'), coalesce(array_agg(o.status), '{}') INTO ids, statuses FROM orders o
  WHERE o.id = ANY (in_ids) AND pulsecart_next_status(o.status, 'refunded', false) IS NOT NULL
    AND NOT EXISTS (SELECT FROM payments p WHERE p.order_id = o.id AND p.status = 'refunding');
  RETURN pulsecart_move(ids, statuses, array_fill('refunded'::order_status, ARRAY[cardinality(ids)]), now_ms);
END $$;
