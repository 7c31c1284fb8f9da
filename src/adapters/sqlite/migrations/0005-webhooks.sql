-- Who hears of orders. `id` is a hash of the address; `url` is the address without its query, which may have a secret in it.
CREATE TABLE webhook_targets (
  id               TEXT    PRIMARY KEY,
  url              TEXT    NOT NULL,
  disabled_at      INTEGER,
  disabled_because TEXT
) STRICT, WITHOUT ROWID;

-- What each target has not heard yet, and, with `dead_at`, what was given up. Triggers on `orders` write it, which exist while
-- there are targets (src/adapters/sqlite/ledger/webhooks.ts). What else an event tells stands in the order, and never changes.
-- AUTOINCREMENT: a number is never used again, so that the numbers of one order only rise.
CREATE TABLE webhook_deliveries (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  target   TEXT    NOT NULL,
  order_id TEXT    NOT NULL,
  status   TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  due_at   INTEGER NOT NULL,
  tries    INTEGER NOT NULL DEFAULT 0,
  cause    TEXT,
  dead_at  INTEGER
) STRICT;

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (target, due_at, seq) WHERE dead_at IS NULL;
CREATE INDEX webhook_deliveries_of_order ON webhook_deliveries (target, order_id, seq) WHERE dead_at IS NULL;
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (seq) WHERE dead_at IS NOT NULL;
