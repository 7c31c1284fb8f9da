-- Orders are searched by product, by customer and by status, newest first: ids begin with their time. What each index costs a
-- purchase is in docs/decisions/0027.
--
-- `NULLS FIRST` says nothing of an id, which is never null. It makes these orders differ from that of the primary key, so that a
-- search by `id DESC NULLS LAST` cannot be planned as a walk through all orders from the newest, which may be long: the planner takes
-- it for granted that the orders of a product lie evenly among all others, and those of a flash sale never do.

-- The strongest lock first: a weaker one that is raised later would meet a purchase in between, and each would wait for the other.
LOCK TABLE orders IN ACCESS EXCLUSIVE MODE;

CREATE INDEX orders_by_product ON orders (product_id, id NULLS FIRST);

-- By customer alone an order would change a page of its own, somewhere in a large index, and after a checkpoint write all of that
-- page to the WAL. So 4,096 orders at a time are sorted by customer, those of one product that follow each other: a few pages, which a
-- batch fills. A search looks into each of these parts; it does not need many: some twelve hundred for five million orders. An order
-- enters it when its units are paid for or free again, and never by the purchase; the open ones are searched one by one.
CREATE INDEX orders_by_customer ON orders (product_id, (number >> 12), customer COLLATE "C", id)
  WHERE NOT open AND customer IS NOT NULL;

-- The newest orders of a customer, between two ids, of one product or (null) of all that are not hidden; at most so many. Of the open
-- ones the newest 50,000 are looked through.
CREATE FUNCTION pulsecart_orders_of(
  in_customer text, in_product bigint, in_hidden_currency text, in_from uuid, in_before uuid, at_most integer
) RETURNS uuid[] LANGUAGE plpgsql STABLE
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET enable_bitmapscan = off AS $$
BEGIN
  RETURN ARRAY(
    SELECT id FROM (
      SELECT o.id FROM products p, generate_series(0, p.last_number >> 12) AS part, LATERAL (
        SELECT id FROM orders WHERE product_id = p.id AND (number >> 12) = part AND NOT open
          AND customer COLLATE "C" = in_customer AND id >= in_from AND id < in_before LIMIT at_most) AS o
      WHERE p.id = in_product OR in_product IS NULL AND p.currency <> in_hidden_currency
      UNION ALL
      SELECT id FROM (
        SELECT id, product_id, currency, customer FROM orders WHERE open ORDER BY expires_at DESC LIMIT 50000) AS open_ones
      WHERE customer COLLATE "C" = in_customer AND id >= in_from AND id < in_before
        AND (product_id = in_product OR in_product IS NULL AND currency <> in_hidden_currency)) AS found
    ORDER BY id DESC LIMIT at_most);
END $$;

-- The status as callers see it, where it is neither on the way to being paid nor paid. A column of its own, as `open` is: an index on
-- `status` itself, also one that leaves these statuses out, would make every lease of a charge write to all indexes (no HOT).
ALTER TABLE orders ADD COLUMN search_status order_status;

CREATE FUNCTION pulsecart_search_status(status order_status) RETURNS order_status LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN status IN ('reserved', 'charging', 'paid') THEN NULL
    WHEN status = 'returning' THEN 'refunding'
    ELSE status
  END
$$;

UPDATE orders SET search_status = pulsecart_search_status(status) WHERE pulsecart_search_status(status) IS NOT NULL;

CREATE INDEX orders_by_status ON orders (search_status, id NULLS FIRST) WHERE search_status IS NOT NULL;
CREATE INDEX orders_by_product_status ON orders (product_id, search_status, id NULLS FIRST) WHERE search_status IS NOT NULL;

-- Moves orders from these statuses to those, and their units with them; answers the `Changes`.
-- The caller has locked the orders, and the products whose units move, and has seen that each order may take this step.
CREATE OR REPLACE FUNCTION pulsecart_move(in_ids uuid[], in_before order_status[], in_after order_status[], now_ms bigint)
RETURNS jsonb LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  changes jsonb;
  change   record;
BEGIN
  WITH moved AS (
    UPDATE orders SET lease_until = 0, updated_at = now_ms,
      status = in_after[array_position(in_ids, id)],
      search_status = pulsecart_search_status(in_after[array_position(in_ids, id)]),
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
