-- Decides purchases of which some buy at one price only. They are refused as `price_changed` when the product has another: the
-- lock that is taken here keeps the price until the order has it.
--   in_prices   for each purchase the price of one unit, in minor units; null: whatever it is
--   the rest    as pulsecart_decide takes it
CREATE FUNCTION pulsecart_decide_at_prices(
  in_products bigint[], in_tills integer[], in_ids uuid[], in_quantities integer[], in_customers text[],
  in_async boolean[], in_scopes text[], in_values text[], in_fingerprints text[], in_refusals text[],
  in_accepted bigint[], in_decide_by bigint[], in_again boolean, in_prices bigint[]
) RETURNS json LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '1s' SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM products WHERE id = ANY (in_products) ORDER BY id FOR NO KEY UPDATE;
  RETURN pulsecart_decide(in_products, in_tills, in_ids, in_quantities, in_customers, in_async, in_scopes, in_values,
    in_fingerprints,
    (SELECT array_agg(coalesce(in_refusals[u.nth],
        CASE WHEN u.price <> p.price_minor AND pulsecart_now() < in_decide_by[u.nth] THEN 'price_changed' END)
        ORDER BY u.nth)
      FROM unnest(in_tills, in_prices) WITH ORDINALITY AS u (till, price, nth)
      LEFT JOIN products p ON p.id = in_products[u.till]),
    in_accepted, in_decide_by, in_again);
END $$;
