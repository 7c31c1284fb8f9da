-- Two ways to decide a batch, each in one round trip. `pulsecart_sell` serves the crowd: plain purchases that all get their
-- units are sold by a few statements for the whole batch. Whatever does not fit it hands on to `pulsecart_decide`, which
-- knows every rule and goes through the purchases one by one.
--
-- Locks are taken in one order everywhere (products by id, keys, orders by id, counters last), by a statement of their own
-- before the one that reads what they protect: under READ COMMITTED a statement sees what was committed before it began,
-- which may be before it got its lock. A product's lock is also that of its holdings.
--
-- A session keeps its plans, and one made while a table was empty would read it from end to end when it is full. So plans are
-- generic, look-ups go by index, and none is an inner join, which could begin with the table.
--
-- A refusal is final. A statement can arrive late: its connection was cut, a pooler kept it, a backend stood still. Its
-- buyer may have been told "not bought" by then, because the purchase or its key was asked for again. So:
--
-- * A purchase has a time by which it is decided. Later it is refused as `too_old`, whatever is left.
-- * A purchase that is asked for again has its refusal written down under its id, as queued ones always have.
-- * A key that is refused is noted with the time of that. Whatever request with it had come by then gets nothing more.
-- * That nothing became of a purchase, because its time is over, is written down by `pulsecart_conclude` before it is said.
--
-- The first asking of an undisturbed purchase pays one look at the end of a small index per batch.

CREATE FUNCTION pulsecart_key_hash(scope text, value text) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT hashtextextended(scope || chr(10) || value, 0) $$;

-- Breaks off a transaction that stood still after it had looked at the time. It is called after the orders were inserted: so
-- an order that cannot be met after this time will never be there. The caller asks again, and is refused.
CREATE FUNCTION pulsecart_in_time(decide_by bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF pulsecart_now() >= decide_by THEN
    RAISE EXCEPTION 'decided too late' USING ERRCODE = 'serialization_failure';
  END IF;
END $$;

-- Sells to purchases without key, all of one channel, and grouped by product.
--   in_products, in_lengths, in_units     products, rising; how many purchases each has, and for how many units
--   in_ids, in_quantities, in_customers   the purchases; null: one unit each, all anonymous
--   in_oldest, in_decide_by               the lowest of the ids; the time at which the first of them is too old. Then the answer
--                                         is null, and the caller asks pulsecart_decide, which is told the time of each
-- Answers {now, products, first}, where `first` are the numbers of each product's first order and the others' follow; or
-- what pulsecart_decide answers.
CREATE FUNCTION pulsecart_sell(
  in_async boolean, in_products bigint[], in_lengths integer[], in_units bigint[],
  in_ids uuid[], in_quantities integer[], in_customers text[], in_oldest uuid, in_decide_by bigint
) RETURNS json LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '1s'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
DECLARE
  now_ms    bigint;
  fits      boolean := true;
  locked    products[];
  product   products;
  nth_product integer;
  done      integer;
  upto      integer;
  as_sold   json[];
  first     bigint[];
  answer    json;
BEGIN
  -- A row that is locked is read as it is after the wait. So this one look-up serves for all: while a transaction keeps an old
  -- snapshot, each would go through every version that the row has had since.
  locked := ARRAY(SELECT p FROM products p WHERE p.id = ANY (in_products) ORDER BY p.id FOR NO KEY UPDATE);
  now_ms := pulsecart_now();
  IF now_ms >= in_decide_by THEN
    RETURN NULL;
  END IF;

  nth_product := 0;
  done := 0;
  FOREACH product IN ARRAY locked LOOP
    nth_product := nth_product + 1;
    upto := done + in_lengths[nth_product];
    fits := fits AND product.total - product.reserved - product.sold >= in_units[nth_product]
      AND (in_async OR pulsecart_closed(product, now_ms) IS NULL)
      AND NOT (product.customer_required
        AND (in_customers IS NULL OR array_position(in_customers[done + 1 : upto], NULL) IS NOT NULL));
    IF fits AND product.per_customer_limit IS NOT NULL AND in_customers IS NOT NULL THEN
      fits := NOT EXISTS (
        SELECT FROM unnest(in_customers[done + 1 : upto], in_quantities[done + 1 : upto]) AS u (customer, quantity)
        WHERE u.customer IS NOT NULL GROUP BY u.customer
        HAVING sum(coalesce(u.quantity, 1)) + coalesce((SELECT h.units FROM holdings h
          WHERE h.product_id = product.id AND h.generation = product.generation AND h.customer = u.customer), 0)
          > product.per_customer_limit);
    END IF;
    done := upto;
  END LOOP;
  fits := fits AND cardinality(locked) = cardinality(in_products);

  IF fits THEN
    -- Looking for repeated ids beforehand, or ON CONFLICT, would search the index once more for each order: 10.3 against
    -- 7.5 µs of the server's CPU per purchase. So a repeated id breaks the insert, and what was inserted is taken back.
    BEGIN
      nth_product := 0;
      done := 0;
      FOREACH product IN ARRAY locked LOOP
        nth_product := nth_product + 1;
        upto := done + in_lengths[nth_product];
        INSERT INTO orders (id, product_id, number, price_minor, created_at, expires_at, updated_at, generation, quantity,
          remaining, channel, currency, customer)
        SELECT u.id, product.id, product.last_number + u.nth, product.price_minor, now_ms,
          now_ms + product.hold_seconds * 1000::bigint, now_ms, product.generation, coalesce(u.quantity, 1),
          product.total - product.reserved - product.sold - CASE WHEN in_quantities IS NULL THEN u.nth ELSE u.upto_this END,
          CASE WHEN in_async THEN 'async' ELSE 'sync' END::channel, product.currency, u.customer
        FROM (
          SELECT id, NULL::integer AS quantity, customer, nth, NULL::bigint AS upto_this
          FROM unnest(in_ids[done + 1 : upto], in_customers[done + 1 : upto]) WITH ORDINALITY AS u (id, customer, nth)
          WHERE in_quantities IS NULL
          UNION ALL
          SELECT id, quantity, customer, nth, sum(quantity) OVER (ORDER BY nth ROWS UNBOUNDED PRECEDING)
          FROM unnest(in_ids[done + 1 : upto], in_quantities[done + 1 : upto], in_customers[done + 1 : upto])
            WITH ORDINALITY AS u (id, quantity, customer, nth)
          WHERE in_quantities IS NOT NULL) AS u;
        IF product.per_customer_limit IS NOT NULL AND in_customers IS NOT NULL THEN
          INSERT INTO holdings (product_id, generation, units, customer)
          SELECT product.id, product.generation, sum(coalesce(u.quantity, 1)), u.customer
          FROM unnest(in_customers[done + 1 : upto], in_quantities[done + 1 : upto]) AS u (customer, quantity)
          WHERE u.customer IS NOT NULL GROUP BY u.customer
          ON CONFLICT (product_id, generation, customer) DO UPDATE SET units = holdings.units + excluded.units;
        END IF;
        first := first || product.last_number + 1;
        UPDATE products SET reserved = reserved + in_units[nth_product], last_number = last_number + in_lengths[nth_product],
          version = version + 1
        WHERE id = product.id RETURNING * INTO product;
        as_sold := as_sold || pulsecart_product(product);
        done := upto;
      END LOOP;
      PERFORM pulsecart_in_time(in_decide_by);
      -- Only now: `pulsecart_conclude` waits for orders that were inserted before it, and these have waited for it.
      IF in_async THEN
        fits := NOT EXISTS (SELECT FROM outcomes WHERE purchase_id = ANY (in_ids));
      ELSE
        -- Refusals of sync purchases are written down when a purchase was asked for again, which is rare. So one look at the
        -- end of a small index serves the whole batch: ids begin with their time, and nothing as young as these was refused.
        fits := NOT EXISTS (SELECT FROM outcomes WHERE sync AND purchase_id >= in_oldest)
          OR NOT EXISTS (SELECT FROM outcomes WHERE sync AND purchase_id = ANY (in_ids));
      END IF;
      IF NOT fits THEN
        RAISE unique_violation;
      END IF;
      IF in_async THEN
        UPDATE counters SET value = value + done WHERE name = 'async_decided' AND shard = abs(in_products[1] % 64);
      END IF;
      RETURN json_build_object('now', now_ms, 'products', as_sold, 'first', first);
    EXCEPTION WHEN unique_violation THEN
      NULL;
    END;
  END IF;

  answer := pulsecart_decide(in_products,
    (SELECT array_agg(l.place::integer ORDER BY l.place)
      FROM unnest(in_lengths) WITH ORDINALITY AS l (length, place), generate_series(1, l.length)),
    in_ids, in_quantities, in_customers, array_fill(in_async, ARRAY[cardinality(in_ids)]), NULL, NULL, NULL, NULL,
    NULL, array_fill(in_decide_by, ARRAY[cardinality(in_ids)]), false);
  -- Each was measured by the time of the first. When that has come meanwhile the caller is to ask with the time of each.
  PERFORM pulsecart_in_time(in_decide_by);
  RETURN answer;
END $$;

-- Decides any purchases, in the order given.
--   in_products   products that they name, rising, whether they exist or not
--   in_places      for each purchase, which of these products it is for, from 1
--   in_accepted   when they came, for those with a key
--   in_decide_by  when each of them is too old; null: never
--   in_again      they were asked for before, and that statement may still be on its way: refusals are written down under
--                 the ids, so that it finds them
--   the rest      the purchases; null: one unit each, all anonymous, sync, without key, without refusal
-- Answers {now, products, verdicts, figures, remaining, ids, orders}, one of each per purchase but for `orders`:
--   verdict       figure                  remaining       id
--   'reserved'    the order's number      units after it
--   'again'                                               of the order, which is in `orders`
--   'mismatch'
--   'superseded'
--   a refusal     units available
CREATE FUNCTION pulsecart_decide(
  in_products bigint[], in_places integer[], in_ids uuid[], in_quantities integer[], in_customers text[],
  in_async boolean[], in_scopes text[], in_values text[], in_fingerprints text[], in_refusals text[],
  in_accepted bigint[] DEFAULT NULL, in_decide_by bigint[] DEFAULT NULL, in_again boolean DEFAULT false
) RETURNS json LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '1s'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
#variable_conflict use_column
DECLARE
  size integer := cardinality(in_ids);
  now_ms bigint;
  -- By product.
  exists_   boolean[];
  free      bigint[];
  granted   bigint[];
  numbered  bigint[];
  limits    integer[];
  closed    text[];
  for_customers boolean[];
  generations integer[];
  prices    bigint[];
  currencies text[];
  holds     bigint[];
  -- By purchase; what several share (an id, a key, a customer's holding) is kept with the first of them.
  same_id      integer[];
  same_key     integer[];
  same_holding integer[];
  known           text[];    -- of the id: 'again' when there is an order, or the code of its recorded refusal
  known_available bigint[];
  key_id          uuid[];    -- of the key: what it is bound to, and what is known of that
  key_print       text[];
  key_at          integer[];
  key_known       text[];
  key_available   bigint[];
  held            integer[];
  taken           integer[]  := array_fill(NULL::integer, ARRAY[size]);
  verdicts        text[]     := array_fill(NULL::text, ARRAY[size]);
  figures         bigint[]   := array_fill(NULL::bigint, ARRAY[size]);
  remaining_      integer[]  := array_fill(NULL::integer, ARRAY[size]);
  again           uuid[]     := array_fill(NULL::uuid, ARRAY[size]);
  records         boolean[]  := array_fill(false, ARRAY[size]);
  binds           boolean[]  := array_fill(false, ARRAY[size]);
  decided_async integer := 0;
  any_granted boolean := false;
  any_bound boolean := false;   -- or refused with its key
  any_recorded boolean := false;
  decide_by bigint;          -- of the granted ones, the first to be too old
  any_key_refused boolean := false;
  keys_refused boolean[] := array_fill(false, ARRAY[size]);
  -- Of the purchase in turn.
  is_async boolean;
  quantity integer;
  id_at    integer;
  key      integer;
  place     integer;
  holding  integer;
  refusal  text;
BEGIN
  PERFORM FROM products WHERE id = ANY (in_products) ORDER BY id FOR NO KEY UPDATE;
  now_ms := pulsecart_now();

  SELECT array_agg(p.id IS NOT NULL ORDER BY n.nth), array_agg(p.total - p.reserved - p.sold ORDER BY n.nth),
    array_agg(0 ORDER BY n.nth), array_agg(p.last_number ORDER BY n.nth), array_agg(p.per_customer_limit ORDER BY n.nth),
    array_agg(pulsecart_closed(p, now_ms) ORDER BY n.nth), array_agg(p.generation ORDER BY n.nth),
    array_agg(p.price_minor ORDER BY n.nth), array_agg(p.currency ORDER BY n.nth),
    array_agg(p.hold_seconds * 1000::bigint ORDER BY n.nth), array_agg(p.customer_required ORDER BY n.nth)
  INTO exists_, free, granted, numbered, limits, closed, generations, prices, currencies, holds, for_customers
  FROM unnest(in_products) WITH ORDINALITY AS n (id, nth) LEFT JOIN products p ON p.id = n.id;

  SELECT array_agg(u.same_id ORDER BY u.nth),
    array_agg(CASE WHEN o.id IS NOT NULL THEN 'again' ELSE r.code END ORDER BY u.nth),
    array_agg(r.available ORDER BY u.nth)
  INTO same_id, known, known_available
  FROM (SELECT id, nth, min(nth) OVER (PARTITION BY id) AS same_id
    FROM unnest(in_ids) WITH ORDINALITY AS u (id, nth)) u
  LEFT JOIN orders o ON o.id = u.id LEFT JOIN outcomes r ON r.purchase_id = u.id;

  IF in_scopes IS NOT NULL THEN
    SELECT array_agg(CASE WHEN u.scope IS NOT NULL THEN u.same_key END ORDER BY u.nth),
      array_agg(k.purchase_id ORDER BY u.nth), array_agg(k.fingerprint ORDER BY u.nth),
      array_agg(array_position(in_ids, k.purchase_id) ORDER BY u.nth),
      array_agg(CASE WHEN o.id IS NOT NULL THEN 'again' ELSE r.code END ORDER BY u.nth),
      array_agg(r.available ORDER BY u.nth)
    INTO same_key, key_id, key_print, key_at, key_known, key_available
    FROM (SELECT scope, value, nth, min(nth) OVER (PARTITION BY scope, value) AS same_key
      FROM unnest(in_scopes, in_values) WITH ORDINALITY AS u (scope, value, nth)) u
    LEFT JOIN keys k ON k.scope = u.scope AND k.value = u.value
    LEFT JOIN orders o ON o.id = k.purchase_id LEFT JOIN outcomes r ON r.purchase_id = k.purchase_id;
  END IF;

  IF in_accepted IS NOT NULL THEN
    any_key_refused := EXISTS (SELECT FROM key_refusals
      WHERE decided_at > (SELECT min(accepted) FROM unnest(in_accepted) AS accepted));
  END IF;

  IF in_customers IS NOT NULL AND num_nonnulls(VARIADIC limits) > 0 THEN
    SELECT array_agg(CASE WHEN u.customer IS NOT NULL THEN u.same_holding END ORDER BY u.nth),
      array_agg(coalesce(h.units, 0) ORDER BY u.nth)
    INTO same_holding, held
    FROM (SELECT place, customer, nth, min(nth) OVER (PARTITION BY place, customer) AS same_holding
      FROM unnest(in_places, in_customers) WITH ORDINALITY AS u (place, customer, nth)) u
    LEFT JOIN holdings h ON limits[u.place] IS NOT NULL AND h.product_id = in_products[u.place]
      AND h.generation = generations[u.place] AND h.customer = u.customer;
  END IF;

  FOR nth IN 1 .. size LOOP
    is_async := coalesce(in_async[nth], false);
    id_at := same_id[nth];
    key := same_key[nth];

    -- Before its key: what a queued purchase was told once is final, whichever purchase bound the key since.
    IF is_async AND known[id_at] IS NOT NULL THEN
      verdicts[nth] := known[id_at];
      figures[nth] := known_available[id_at];
      again[nth] := in_ids[nth];
      CONTINUE;
    END IF;
    IF key_id[key] IS NOT NULL THEN
      IF key_print[key] <> in_fingerprints[nth] THEN
        verdicts[nth] := 'mismatch';
        CONTINUE;
      ELSIF key_at[key] IS NOT NULL AND known[key_at[key]] IS NOT NULL THEN
        verdicts[nth] := known[key_at[key]];
        figures[nth] := known_available[key_at[key]];
        again[nth] := key_id[key];
        CONTINUE;
      ELSIF key_at[key] IS NULL AND key_known[key] IS NOT NULL THEN
        verdicts[nth] := key_known[key];
        figures[nth] := key_available[key];
        again[nth] := key_id[key];
        CONTINUE;
      END IF;
    END IF;
    IF known[id_at] IS NOT NULL THEN
      verdicts[nth] := known[id_at];
      figures[nth] := known_available[id_at];
      again[nth] := in_ids[nth];
      CONTINUE;
    END IF;

    place := in_places[nth];
    quantity := coalesce(in_quantities[nth], 1);
    holding := CASE WHEN limits[place] IS NOT NULL THEN same_holding[nth] END;
    -- The window of an async purchase was judged when it was accepted; what happened to the sale since is no reason.
    refusal := CASE
      WHEN NOT exists_[place] THEN 'unknown_product'
      WHEN in_refusals[nth] IS NOT NULL THEN in_refusals[nth]
      WHEN now_ms >= in_decide_by[nth] THEN 'too_old'
      WHEN NOT is_async AND closed[place] IS NOT NULL THEN closed[place]
      WHEN for_customers[place] AND in_customers[nth] IS NULL THEN 'customer_required'
      WHEN free[place] < quantity THEN 'sold_out'
      WHEN held[holding] + quantity > limits[place] THEN 'limit_reached'
    END;
    IF refusal IS NOT NULL THEN
      verdicts[nth] := refusal;
      figures[nth] := coalesce(free[place], 0);
      IF is_async OR in_again THEN
        known[id_at] := refusal;
        known_available[id_at] := figures[nth];
        records[nth] := true;
        any_recorded := true;
        decided_async := decided_async + is_async::integer;
      END IF;
      IF key IS NOT NULL AND NOT is_async THEN
        keys_refused[nth] := true;
        any_bound := true;
      END IF;
      CONTINUE;
    END IF;
    -- The key was refused after this request had come, whose statement was held up on its way: its buyer has been told
    -- "not bought". One that was sent after that comes later.
    IF any_key_refused AND key IS NOT NULL AND NOT is_async AND EXISTS (
      SELECT FROM key_refusals r
      WHERE r.decided_at > in_accepted[nth] AND pulsecart_key_hash(in_scopes[nth], in_values[nth]) = ANY (r.keys)) THEN
      verdicts[nth] := 'superseded';
      figures[nth] := free[place];
      CONTINUE;
    END IF;

    free[place] := free[place] - quantity;
    granted[place] := granted[place] + quantity;
    numbered[place] := numbered[place] + 1;
    verdicts[nth] := 'reserved';
    figures[nth] := numbered[place];
    remaining_[nth] := free[place];
    known[id_at] := 'again';
    any_granted := true;
    decide_by := least(decide_by, in_decide_by[nth]);
    IF holding IS NOT NULL THEN
      held[holding] := held[holding] + quantity;
      taken[holding] := coalesce(taken[holding], 0) + quantity;
    END IF;
    IF key IS NOT NULL AND key_id[key] IS NULL THEN
      key_id[key] := in_ids[nth];
      key_print[key] := in_fingerprints[nth];
      key_at[key] := id_at;
      binds[nth] := true;
      any_bound := true;
    END IF;
    IF is_async THEN
      decided_async := decided_async + 1;
    END IF;
  END LOOP;

  -- A unique violation here is a key bound, or an unknown product's refusal recorded, by another transaction a moment ago. The
  -- caller asks again and then sees it.
  IF any_bound THEN
    INSERT INTO keys (purchase_id, accepted_at, scope, value, fingerprint)
    SELECT u.id, now_ms, u.scope, u.value, u.fingerprint
    FROM unnest(in_ids, in_scopes, in_values, in_fingerprints, binds) AS u (id, scope, value, fingerprint, binds)
    WHERE u.binds ORDER BY u.scope COLLATE "C", u.value COLLATE "C";
    INSERT INTO key_refusals (decided_at, keys)
    SELECT now_ms, array_agg(pulsecart_key_hash(u.scope, u.value))
    FROM unnest(in_scopes, in_values, in_accepted, keys_refused) AS u (scope, value, accepted, refused)
    WHERE u.refused AND u.accepted IS NOT NULL HAVING count(*) > 0;
  END IF;
  IF any_granted THEN
    INSERT INTO orders (id, product_id, number, price_minor, created_at, expires_at, updated_at, generation, quantity,
      remaining, channel, currency, customer)
    SELECT u.id, in_products[u.place], u.number, prices[u.place], now_ms, now_ms + holds[u.place], now_ms,
      generations[u.place], coalesce(u.quantity, 1), u.remaining,
      CASE WHEN u.is_async THEN 'async' ELSE 'sync' END::channel, currencies[u.place], u.customer
    FROM unnest(in_ids, in_places, figures, in_quantities, remaining_, in_async, in_customers, verdicts)
      AS u (id, place, number, quantity, remaining, is_async, customer, verdict)
    WHERE u.verdict = 'reserved';
    INSERT INTO holdings (product_id, generation, units, customer)
    SELECT in_products[u.place], generations[u.place], u.units, u.customer
    FROM unnest(in_places, taken, in_customers) AS u (place, units, customer)
    WHERE u.units IS NOT NULL
    ON CONFLICT (product_id, generation, customer) DO UPDATE SET units = holdings.units + excluded.units;
    UPDATE products p SET reserved = p.reserved + u.granted, last_number = u.numbered, version = p.version + 1
    FROM unnest(in_products, granted, numbered) AS u (id, granted, numbered)
    WHERE p.id = u.id AND p.last_number <> u.numbered;
    PERFORM pulsecart_in_time(decide_by);
    IF EXISTS (SELECT FROM unnest(in_ids, verdicts) AS u (id, verdict) JOIN outcomes r ON r.purchase_id = u.id
        WHERE u.verdict = 'reserved') THEN
      RAISE EXCEPTION 'ended meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;
  END IF;
  IF any_recorded THEN
    INSERT INTO outcomes (purchase_id, product_id, available, decided_at, quantity, code, sync)
    SELECT u.id, in_products[u.place], u.available, now_ms, coalesce(u.quantity, 1), u.code,
      NOT coalesce(u.is_async, false)
    FROM unnest(in_ids, in_places, figures, in_quantities, verdicts, records, in_async)
      AS u (id, place, available, quantity, code, records, is_async)
    WHERE u.records;
  END IF;
  IF decided_async > 0 THEN
    UPDATE counters SET value = value + decided_async
    WHERE name = 'async_decided' AND shard = abs(in_products[1] % 64);
  END IF;

  RETURN json_build_object(
    'now', now_ms,
    'products', (SELECT coalesce(json_agg(pulsecart_product(p)), '[]') FROM products p WHERE id = ANY (in_products)),
    'verdicts', verdicts, 'figures', figures, 'remaining', remaining_, 'ids', again,
    'orders', (SELECT coalesce(json_agg(pulsecart_order(o)), '[]') FROM orders o WHERE o.id = ANY (again)));
END $$;

-- Decides purchases of which some buy at one price only. They are refused as `price_changed` when the product has another: the
-- lock that is taken here keeps the price until the order has it.
--   in_prices   for each purchase the price of one unit, in minor units; null: whatever it is
--   the rest    as pulsecart_decide takes it
CREATE FUNCTION pulsecart_decide_at_prices(
  in_products bigint[], in_places integer[], in_ids uuid[], in_quantities integer[], in_customers text[],
  in_async boolean[], in_scopes text[], in_values text[], in_fingerprints text[], in_refusals text[],
  in_accepted bigint[], in_decide_by bigint[], in_again boolean, in_prices bigint[]
) RETURNS json LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '1s' SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM products WHERE id = ANY (in_products) ORDER BY id FOR NO KEY UPDATE;
  RETURN pulsecart_decide(in_products, in_places, in_ids, in_quantities, in_customers, in_async, in_scopes, in_values,
    in_fingerprints,
    (SELECT array_agg(coalesce(in_refusals[u.nth],
        CASE WHEN u.price <> p.price_minor AND pulsecart_now() < in_decide_by[u.nth] THEN 'price_changed' END)
        ORDER BY u.nth)
      FROM unnest(in_places, in_prices) WITH ORDINALITY AS u (place, price, nth)
      LEFT JOIN products p ON p.id = in_products[u.place]),
    in_accepted, in_decide_by, in_again);
END $$;

-- Ends a purchase of which nothing is known when its time is over: from then on it is `too_old`. Answers nothing; what became
-- of the purchase is found afterwards, and is final.
CREATE FUNCTION pulsecart_conclude(in_id uuid, in_async boolean, in_decide_by bigint) RETURNS void LANGUAGE plpgsql
SET lock_timeout = '1s' SET enable_seqscan = off AS $$
BEGIN
  IF pulsecart_now() < in_decide_by OR EXISTS (SELECT FROM outcomes WHERE purchase_id = in_id) THEN
    RETURN;
  END IF;
  -- Only an insert under the same id waits for a transaction that has made the order and is not committed yet, perhaps
  -- because its disk stands still; a look would not see the order. A transaction that has not made it by now waits for this
  -- one, and looks for outcomes after that: its process may allow the purchase more time than ours, or have another clock.
  BEGIN
    INSERT INTO orders (id, product_id, number, price_minor, created_at, expires_at, updated_at, generation, quantity,
      remaining, channel, currency, open)
    VALUES (in_id, 0, 0, 0, 0, 0, 0, 0, 1, 0, 'sync', '', false);
  EXCEPTION WHEN unique_violation THEN
    RETURN;
  END;
  INSERT INTO outcomes (purchase_id, product_id, available, decided_at, quantity, code, sync)
  VALUES (in_id, 0, 0, pulsecart_now(), 0, 'too_old', NOT in_async) ON CONFLICT DO NOTHING;
  IF FOUND AND in_async THEN
    UPDATE counters SET value = value + 1 WHERE name = 'async_decided' AND shard = 0;
  END IF;
  DELETE FROM orders WHERE id = in_id;
END $$;

-- Binds keys to purchases, the first of equal keys in the order given; answers each key's first binding, in that order. An
-- insert that meets a key waits until it is certain whether that one is kept; only a later statement can then read it.
CREATE FUNCTION pulsecart_bind_keys(
  in_purchases uuid[], in_accepted bigint[], in_scopes text[], in_values text[], in_fingerprints text[]
) RETURNS SETOF keys LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
BEGIN
  INSERT INTO keys (purchase_id, accepted_at, scope, value, fingerprint)
  SELECT u.purchase_id, u.accepted_at, u.scope, u.value, u.fingerprint
  FROM unnest(in_purchases, in_accepted, in_scopes, in_values, in_fingerprints)
    WITH ORDINALITY AS u (purchase_id, accepted_at, scope, value, fingerprint, nth)
  ORDER BY u.scope COLLATE "C", u.value COLLATE "C", u.nth
  ON CONFLICT DO NOTHING;
  RETURN QUERY SELECT k.* FROM unnest(in_scopes, in_values) WITH ORDINALITY AS u (scope, value, nth)
    LEFT JOIN keys k ON k.scope = u.scope AND k.value = u.value ORDER BY u.nth;
END $$;
