-- What operators do to products. Each step locks the product in a statement of its own before it reads what the lock protects,
-- as everywhere, and writes its operation down with pulsecart_log. Steps answer
-- {kind: 'done', product} or {kind: 'refused', code, field, product, mostHeld}.

-- Writes an operation down; false where one of this id or this key is there already.
CREATE FUNCTION pulsecart_log(operation jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO operations (id, at, actor, action, subject, reason, details, key, fingerprint)
  VALUES ((operation->>'id')::uuid, pulsecart_now(), operation->>'actor', operation->>'action', operation->>'subject',
    operation->>'reason', operation->'details', operation->'key'->>'value', operation->'key'->>'fingerprint')
  ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;

-- The operation that was done with this id or this key; null when there is none. The caller holds the lock that serves one such
-- operation after the other.
CREATE FUNCTION pulsecart_operation_before(operation jsonb) RETURNS operations LANGUAGE sql STABLE AS $$
  SELECT o FROM operations o WHERE o.id = (operation->>'id')::uuid
  UNION ALL
  SELECT o FROM operations o WHERE o.key = operation->'key'->>'value'
  LIMIT 1
$$;

CREATE FUNCTION pulsecart_done(p products) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT json_build_object('kind', 'done', 'product', pulsecart_product(p))
$$;

CREATE FUNCTION pulsecart_refused(code text, field text, product json, most_held integer) RETURNS json
LANGUAGE sql IMMUTABLE AS $$
  SELECT json_build_object('kind', 'refused', 'code', code, 'field', field, 'product', product, 'mostHeld', most_held)
$$;

CREATE FUNCTION pulsecart_done_before(before operations, operation jsonb, product products) RETURNS json
LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN before.id <> (operation->>'id')::uuid AND before.fingerprint <> operation->'key'->>'fingerprint'
    THEN pulsecart_refused('idempotency_mismatch', NULL, pulsecart_product(product), NULL)
    ELSE pulsecart_done(product) END
$$;

-- A sale that opens a few seconds ago opens now: the caller's clock is another, and the call takes its time. `windowRefusal` of the
-- domain.
CREATE FUNCTION pulsecart_window_refusal(
  opens_at bigint, closes_at bigint, opened_at bigint, closed_at bigint, now_ms bigint
) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN opens_at IS DISTINCT FROM opened_at AND opens_at < now_ms - 10000 THEN ARRAY['schedule_in_the_past', 'opensAt']
    WHEN closes_at IS DISTINCT FROM closed_at AND closes_at < now_ms THEN ARRAY['schedule_in_the_past', 'closesAt']
    WHEN closes_at IS DISTINCT FROM closed_at AND closes_at <= opens_at THEN ARRAY['closes_before_opens', 'closesAt']
    WHEN opens_at IS DISTINCT FROM opened_at AND closes_at <= opens_at THEN ARRAY['closes_before_opens', 'opensAt']
  END
$$;

-- Puts a new product on sale, on the lowest free id where the wish names none.
CREATE FUNCTION pulsecart_create_product(wish jsonb, operation jsonb) RETURNS json LANGUAGE plpgsql
SET lock_timeout = '3s' AS $$
DECLARE
  now_ms  bigint;
  new_id  bigint := (wish->>'id')::bigint;
  wrong   text[];
  product products;
  before  operations;
BEGIN
  -- Operators create one at a time: two would choose the same free id. Sales take no notice of this lock.
  LOCK TABLE generations IN SHARE ROW EXCLUSIVE MODE;
  now_ms := pulsecart_now();
  before := pulsecart_operation_before(operation);
  IF before.id IS NOT NULL THEN
    SELECT p.* INTO product FROM products p WHERE p.id = replace(before.subject, 'product/', '')::bigint;
    RETURN pulsecart_done_before(before, operation, product);
  END IF;
  IF new_id IS NULL THEN
    new_id := (SELECT min(f.id) FROM (SELECT 1::bigint AS id UNION ALL SELECT p.id + 1 FROM products p) f
      WHERE NOT EXISTS (SELECT FROM products p WHERE p.id = f.id));
  END IF;
  SELECT p.* INTO product FROM products p WHERE p.id = new_id;
  IF FOUND THEN
    RETURN pulsecart_refused('product_exists', NULL, pulsecart_product(product), NULL);
  END IF;
  wrong := pulsecart_window_refusal((wish->>'opensAt')::bigint, (wish->>'closesAt')::bigint, NULL, NULL, now_ms);
  IF wrong IS NOT NULL THEN
    RETURN pulsecart_refused(wrong[1], wrong[2], NULL, NULL);
  END IF;
  INSERT INTO products (id, name, price_minor, currency, total, opens_at, closes_at, per_customer_limit, hold_seconds,
    customer_required)
  VALUES (new_id, wish->>'name', (wish->>'priceMinor')::bigint, wish->>'currency', (wish->>'units')::bigint,
    (wish->>'opensAt')::bigint, (wish->>'closesAt')::bigint, (wish->>'perCustomerLimit')::integer,
    (wish->>'holdSeconds')::integer, coalesce((wish->>'customerRequired')::boolean, false))
  RETURNING * INTO product;
  INSERT INTO generations (product_id, started_at, generation, units) VALUES (new_id, now_ms, 1, product.total);
  PERFORM pulsecart_log(jsonb_set(operation, '{subject}', to_jsonb('product/' || new_id)));
  RETURN pulsecart_done(product);
END $$;

-- Changes what `changes` names, if the version is the one seen or null: `changed` of the domain, and the limit against what
-- customers hold. Holdings are kept while there is a limit; a new one counts the orders that hold units now.
CREATE FUNCTION pulsecart_change_product(in_id bigint, changes jsonb, operation jsonb, seen bigint) RETURNS json
LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
  now_ms bigint;
  added  bigint := coalesce((changes->>'addUnits')::bigint, 0);
  before products;
  done   operations;
  next   products;
  wrong  text[];
  most   integer;
BEGIN
  SELECT p.* INTO before FROM products p WHERE p.id = in_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN pulsecart_refused('unknown_product', NULL, NULL, NULL);
  END IF;
  now_ms := pulsecart_now();
  done := pulsecart_operation_before(operation);
  IF done.id IS NOT NULL THEN
    RETURN pulsecart_done_before(done, operation, before);
  END IF;
  IF seen <> before.version THEN
    RETURN pulsecart_refused('version_mismatch', NULL, pulsecart_product(before), NULL);
  END IF;

  next := before;
  next.name := coalesce(changes->>'name', before.name);
  next.price_minor := coalesce((changes->>'priceMinor')::bigint, before.price_minor);
  next.state := coalesce(changes->>'state', before.state);
  next.hold_seconds := coalesce((changes->>'holdSeconds')::integer, before.hold_seconds);
  next.customer_required := coalesce((changes->>'customerRequired')::boolean, before.customer_required);
  next.total := before.total + added;
  IF changes ? 'opensAt' THEN
    next.opens_at := (changes->>'opensAt')::bigint;
  END IF;
  IF changes ? 'closesAt' THEN
    next.closes_at := (changes->>'closesAt')::bigint;
  END IF;
  IF changes ? 'perCustomerLimit' THEN
    next.per_customer_limit := (changes->>'perCustomerLimit')::integer;
  END IF;

  wrong := pulsecart_window_refusal(next.opens_at, next.closes_at, before.opens_at, before.closes_at, now_ms);
  IF wrong IS NULL AND next.total < next.reserved + next.sold THEN
    wrong := ARRAY['units_below_committed', 'addUnits'];
  ELSIF wrong IS NULL AND added > 0 AND next.total > 2147483647 THEN
    wrong := ARRAY['units_too_many', 'addUnits'];
  END IF;
  IF wrong IS NOT NULL THEN
    RETURN pulsecart_refused(wrong[1], wrong[2], pulsecart_product(before), NULL);
  END IF;

  IF next.per_customer_limit IS DISTINCT FROM before.per_customer_limit THEN
    IF next.per_customer_limit IS NULL THEN
      DELETE FROM holdings WHERE product_id = in_id;
    ELSIF before.per_customer_limit IS NULL THEN
      INSERT INTO holdings (product_id, generation, units, customer)
      SELECT o.product_id, o.generation, sum(o.quantity), o.customer FROM orders o
      WHERE o.product_id = in_id AND o.customer IS NOT NULL AND o.status IN ('reserved', 'charging', 'paid', 'refunding')
      GROUP BY o.product_id, o.generation, o.customer;
    END IF;
    most := (SELECT max(h.units) FROM holdings h WHERE h.product_id = in_id AND h.generation = before.generation);
    IF most > next.per_customer_limit THEN
      IF before.per_customer_limit IS NULL THEN
        DELETE FROM holdings WHERE product_id = in_id;
      END IF;
      RETURN pulsecart_refused('limit_below_held', 'perCustomerLimit', pulsecart_product(before), most);
    END IF;
  END IF;

  PERFORM pulsecart_log(operation);
  IF next IS NOT DISTINCT FROM before THEN
    RETURN pulsecart_done(before);
  END IF;
  IF added <> 0 THEN
    UPDATE generations SET units = units + added WHERE product_id = in_id AND generation = before.generation;
  END IF;
  UPDATE products SET name = next.name, price_minor = next.price_minor, state = next.state, opens_at = next.opens_at,
    closes_at = next.closes_at, per_customer_limit = next.per_customer_limit, hold_seconds = next.hold_seconds,
    customer_required = next.customer_required, total = next.total, version = version + 1
  WHERE id = in_id RETURNING * INTO next;
  RETURN pulsecart_done(next);
END $$;

-- Closes the sale now: `closedWindow` of the domain.
CREATE FUNCTION pulsecart_close_sale(in_id bigint, operation jsonb) RETURNS json LANGUAGE plpgsql
SET lock_timeout = '3s' AS $$
DECLARE
  now_ms bigint;
  before products;
  next   products;
BEGIN
  SELECT p.* INTO before FROM products p WHERE p.id = in_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN pulsecart_refused('unknown_product', NULL, NULL, NULL);
  END IF;
  now_ms := pulsecart_now();
  IF NOT pulsecart_log(operation) THEN
    RETURN pulsecart_done(before);
  END IF;
  next := before;
  next.opens_at := least(before.opens_at, CASE WHEN before.opens_at IS NOT NULL THEN now_ms END);
  next.closes_at := least(before.closes_at, now_ms);
  IF next IS NOT DISTINCT FROM before THEN
    RETURN pulsecart_done(before);
  END IF;
  UPDATE products SET opens_at = next.opens_at, closes_at = next.closes_at, version = version + 1
  WHERE id = in_id RETURNING * INTO next;
  RETURN pulsecart_done(next);
END $$;

-- Begins a round of exactly so many free units; the operation may be null.
CREATE FUNCTION pulsecart_start_round(in_id bigint, in_units integer, operation jsonb) RETURNS json LANGUAGE plpgsql
SET lock_timeout = '3s' AS $$
DECLARE
  product products;
  done    operations;
BEGIN
  SELECT p.* INTO product FROM products p WHERE p.id = in_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN pulsecart_refused('unknown_product', NULL, NULL, NULL);
  END IF;
  IF operation IS NOT NULL THEN
    done := pulsecart_operation_before(operation);
    IF done.id IS NOT NULL THEN
      RETURN pulsecart_done_before(done, operation, product);
    END IF;
    PERFORM pulsecart_log(operation);
  END IF;
  UPDATE products SET total = reserved + sold + in_units, generation = generation + 1, version = version + 1
  WHERE id = in_id RETURNING * INTO product;
  INSERT INTO generations (product_id, started_at, generation, units)
  VALUES (in_id, pulsecart_now(), product.generation, in_units);
  RETURN pulsecart_done(product);
END $$;
