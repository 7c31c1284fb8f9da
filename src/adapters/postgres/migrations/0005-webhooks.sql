-- Who hears of orders. `id` is a hash of the address; `url` is the address without its query, which may have a secret in it.
CREATE TABLE webhook_targets (
  id               text   PRIMARY KEY,
  url              text   NOT NULL,
  disabled_at      bigint,
  disabled_because text
);

-- What each target has not heard yet, and, with `dead_at`, what was given up. Triggers on `orders` write it, which exist while
-- there are targets. What else an event tells stands in the order, and never changes. The numbers of one order rise, because
-- each is drawn while its order is locked.
CREATE TABLE webhook_deliveries (
  seq      bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id uuid         NOT NULL,
  at       bigint       NOT NULL,
  due_at   bigint       NOT NULL,
  dead_at  bigint,
  tries    integer      NOT NULL DEFAULT 0,
  status   order_status NOT NULL,
  target   text         NOT NULL COLLATE "C",
  cause    text
) WITH (autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (target, due_at, seq) WHERE dead_at IS NULL;
CREATE INDEX webhook_deliveries_of_order ON webhook_deliveries (target, order_id, seq) WHERE dead_at IS NULL;
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (seq) WHERE dead_at IS NOT NULL;

-- Orders that were made, a batch at a time. An order that is not open only keeps its id from being used.
CREATE FUNCTION pulsecart_tell_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO webhook_deliveries (target, order_id, status, at, due_at)
  SELECT t.id, m.id, m.status, m.created_at, m.created_at FROM made m CROSS JOIN webhook_targets t WHERE m.open;
  RETURN NULL;
END $$;

-- An order that came to another status. While it waits for an earlier event's next try, so does this one.
CREATE FUNCTION pulsecart_tell_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO webhook_deliveries (target, order_id, status, at, due_at)
  SELECT t.id, NEW.id, NEW.status, NEW.updated_at, greatest(NEW.updated_at, (SELECT max(d.due_at) FROM webhook_deliveries d
    WHERE d.target = t.id AND d.order_id = NEW.id AND d.dead_at IS NULL))
  FROM webhook_targets t;
  RETURN NULL;
END $$;

-- Makes these the targets, and makes or drops the triggers; with the rights of the owner of `orders`, because who serves may
-- have no right to change tables. What a target that is gone has not heard becomes a dead letter.
CREATE FUNCTION pulsecart_set_webhook_targets(in_ids text[], in_urls text[]) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  is_on boolean;
BEGIN
  IF NOT has_table_privilege(session_user, 'webhook_targets'::regclass, 'INSERT') THEN
    RAISE insufficient_privilege USING MESSAGE = 'permission denied for webhook_targets';
  END IF;
  -- Processes that start together come here together.
  PERFORM pg_advisory_xact_lock(7405114122);
  is_on := EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'orders'::regclass AND tgname = 'pulsecart_webhooks_made');
  DELETE FROM webhook_targets WHERE id <> ALL (in_ids);
  INSERT INTO webhook_targets (id, url) SELECT * FROM unnest(in_ids, in_urls) ON CONFLICT (id) DO NOTHING;
  UPDATE webhook_deliveries SET dead_at = pulsecart_now(), cause = 'the target is no longer configured'
  WHERE dead_at IS NULL AND target <> ALL (in_ids);
  -- Only then, because it waits for every transaction that writes orders.
  IF cardinality(in_ids) > 0 AND NOT is_on THEN
    CREATE TRIGGER pulsecart_webhooks_made AFTER INSERT ON orders REFERENCING NEW TABLE AS made
      FOR EACH STATEMENT EXECUTE FUNCTION pulsecart_tell_made();
    CREATE TRIGGER pulsecart_webhooks_moved AFTER UPDATE OF status ON orders FOR EACH ROW
      WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.status NOT IN ('reserved', 'charging'))
      EXECUTE FUNCTION pulsecart_tell_moved();
  ELSIF cardinality(in_ids) = 0 AND is_on THEN
    DROP TRIGGER pulsecart_webhooks_made ON orders;
    DROP TRIGGER pulsecart_webhooks_moved ON orders;
  END IF;
END $$;
