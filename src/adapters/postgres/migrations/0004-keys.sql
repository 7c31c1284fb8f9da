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
