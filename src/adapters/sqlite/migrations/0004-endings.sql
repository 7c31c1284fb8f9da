-- Captured money can go back. SQLite cannot change a CHECK, so the table is written anew, in its own order: a few seconds
-- per million attempts, once.
CREATE TABLE payments_new (
  order_id      TEXT    NOT NULL,
  attempt       INTEGER NOT NULL,
  amount_minor  INTEGER NOT NULL,
  currency      TEXT    NOT NULL,
  status        TEXT    NOT NULL
    CHECK (status IN ('pending', 'captured', 'declined', 'failed', 'cancelled', 'refunding', 'refunded')),
  provider_id   TEXT,
  reason        TEXT,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  -- When the provider is to be asked (again) for the refund.
  refund_due_at INTEGER,
  refund_tries  INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (order_id, attempt),
  CHECK ((status = 'refunding') = (refund_due_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO payments_new (order_id, attempt, amount_minor, currency, status, provider_id, reason, created_at, updated_at)
SELECT order_id, attempt, amount_minor, currency, status, provider_id, reason, created_at, updated_at
FROM payments ORDER BY order_id, attempt;
DROP TABLE payments;
ALTER TABLE payments_new RENAME TO payments;

-- The money on its way back: a handful of rows, whatever the table grows to.
CREATE INDEX payments_refunds ON payments (refund_due_at) WHERE refund_due_at IS NOT NULL;
