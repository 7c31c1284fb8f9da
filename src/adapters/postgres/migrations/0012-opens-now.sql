-- A sale that opens a few seconds ago opens now: the caller's clock is another, and the call takes its time. `windowRefusal` of the
-- domain.
CREATE OR REPLACE FUNCTION pulsecart_window_refusal(
  opens_at bigint, closes_at bigint, opened_at bigint, closed_at bigint, now_ms bigint
) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN opens_at IS DISTINCT FROM opened_at AND opens_at < now_ms - 10000 THEN ARRAY['schedule_in_the_past', 'opensAt']
    WHEN closes_at IS DISTINCT FROM closed_at AND closes_at < now_ms THEN ARRAY['schedule_in_the_past', 'closesAt']
    WHEN closes_at IS DISTINCT FROM closed_at AND closes_at <= opens_at THEN ARRAY['closes_before_opens', 'closesAt']
    WHEN opens_at IS DISTINCT FROM opened_at AND closes_at <= opens_at THEN ARRAY['closes_before_opens', 'opensAt']
  END
$$;
