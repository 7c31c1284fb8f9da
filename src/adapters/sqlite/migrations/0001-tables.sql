-- Times are milliseconds since the epoch; amounts are minor units. Purchase ids begin with their time, so rows of
-- `orders` and `outcomes` are appended at the end of their trees, which is what keeps inserts cheap as they grow. An
-- order's `slot` is the front of its id as an integer (src/adapters/sqlite/ledger/row-key.ts).

CREATE TABLE products (
  id                 INTEGER PRIMARY KEY,
  name               TEXT    NOT NULL,
  price_minor        INTEGER NOT NULL CHECK (price_minor >= 0),
  currency           TEXT    NOT NULL,
  total              INTEGER NOT NULL,
  reserved           INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  sold               INTEGER NOT NULL DEFAULT 0 CHECK (sold >= 0),
  version            INTEGER NOT NULL DEFAULT 1,
  generation         INTEGER NOT NULL DEFAULT 1,
  state              TEXT    NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paused')),
  opens_at           INTEGER,
  closes_at          INTEGER,
  per_customer_limit INTEGER CHECK (per_customer_limit >= 1),
  hold_seconds       INTEGER NOT NULL CHECK (hold_seconds >= 1),
  last_number        INTEGER NOT NULL DEFAULT 0,
  -- 1: an anonymous purchase is refused as `customer_required`.
  customer_required  INTEGER NOT NULL DEFAULT 0,
  CHECK (reserved + sold <= total)
) STRICT;

-- How many units each round of a sale was opened with.
CREATE TABLE generations (
  product_id INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  units      INTEGER NOT NULL CHECK (units >= 0),
  started_at INTEGER NOT NULL,
  PRIMARY KEY (product_id, generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
  slot        INTEGER PRIMARY KEY,
  id          TEXT    NOT NULL,
  product_id  INTEGER NOT NULL,
  generation  INTEGER NOT NULL,
  number      INTEGER NOT NULL,
  customer    TEXT,
  quantity    INTEGER NOT NULL CHECK (quantity >= 1),
  price_minor INTEGER NOT NULL,
  currency    TEXT    NOT NULL,
  channel     TEXT    NOT NULL,
  status      TEXT    NOT NULL,
  remaining   INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  attempts    INTEGER NOT NULL DEFAULT 0,
  leases      INTEGER NOT NULL DEFAULT 0,
  lease_until INTEGER NOT NULL DEFAULT 0,
  updated_at  INTEGER NOT NULL,
  -- 1 while its units are reserved. A column of its own, because testing a number costs an insert much less than testing
  -- the status.
  open        INTEGER NOT NULL DEFAULT 1
) STRICT;

-- The orders that still owe something: sweeps read these and no others.
CREATE INDEX orders_open ON orders (expires_at) WHERE open = 1;

-- Units each customer of a limited sale holds. It alone enforces the limit.
CREATE TABLE holdings (
  product_id INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  customer   TEXT    NOT NULL,
  units      INTEGER NOT NULL CHECK (units >= 0),
  PRIMARY KEY (product_id, generation, customer)
) STRICT, WITHOUT ROWID;

-- Final outcomes of async purchases that got nothing, and of sync ones that were asked for again; those that got their units are
-- in orders, under the same id.
CREATE TABLE outcomes (
  purchase_id TEXT    PRIMARY KEY,
  product_id  INTEGER NOT NULL,
  quantity    INTEGER NOT NULL,
  code        TEXT    NOT NULL,
  available   INTEGER NOT NULL,
  decided_at  INTEGER NOT NULL,
  sync        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Few, and looked for by each batch of sync purchases.
CREATE INDEX outcomes_sync ON outcomes (purchase_id) WHERE sync = 1;

CREATE TABLE keys (
  scope       TEXT    NOT NULL,
  value       TEXT    NOT NULL,
  fingerprint TEXT    NOT NULL,
  purchase_id TEXT    NOT NULL,
  accepted_at INTEGER NOT NULL,
  PRIMARY KEY (scope, value)
) STRICT, WITHOUT ROWID;

-- Keys are pruned by their age. The index costs a keyed purchase about 2 of the 30 µs that it takes here; without it every key
-- would be read, again and again, to find the few that are old.
CREATE INDEX keys_by_age ON keys (accepted_at);

-- Attempts to decide a purchase whose message came back; counted before each attempt.
CREATE TABLE attempts (
  purchase_id     TEXT    PRIMARY KEY,
  count           INTEGER NOT NULL DEFAULT 0,
  needs_attention INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE payments (
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

-- The money on its way back: a handful of rows, whatever the table grows to.
CREATE INDEX payments_refunds ON payments (refund_due_at) WHERE refund_due_at IS NOT NULL;

-- What operators did, and why. An id begins with its time, so the newest are at the end. An operation that came with an
-- Idempotency-Key has it here, and so in the commit of the step: `key` is the value with the call that it belongs to,
-- `fingerprint` what was asked for.
CREATE TABLE audit_log (
  id          TEXT    PRIMARY KEY,
  at          INTEGER NOT NULL,
  actor       TEXT    NOT NULL,
  action      TEXT    NOT NULL,
  subject     TEXT    NOT NULL,
  reason      TEXT,
  details     TEXT    NOT NULL,
  key         TEXT,
  fingerprint TEXT
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX audit_log_by_key ON audit_log (key) WHERE key IS NOT NULL;

CREATE TABLE secrets (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Async purchases handed to the queue, decided by us, decided at once by their id, and pruned.
CREATE TABLE counters (
  name  TEXT    PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters VALUES ('async_queued', 0), ('async_decided', 0), ('async_by_the_id', 0), ('async_pruned', 0);

-- Who does what only one process at a time should do, and until when.
CREATE TABLE leader_leases (
  job    TEXT    PRIMARY KEY,
  owner  TEXT    NOT NULL,
  ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The queue. A message carries `items` purchases or order ids in one body.
CREATE TABLE messages (
  id           INTEGER PRIMARY KEY,
  queue        TEXT    NOT NULL,
  body         TEXT    NOT NULL,
  items        INTEGER NOT NULL CHECK (items >= 1),
  published_at INTEGER NOT NULL,
  available_at INTEGER NOT NULL,
  deliveries   INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX messages_due ON messages (queue, available_at, id);

CREATE TABLE dead_letters (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  queue   TEXT    NOT NULL,
  body    TEXT    NOT NULL,
  items   INTEGER NOT NULL,
  cause   TEXT    NOT NULL,
  dead_at INTEGER NOT NULL
) STRICT;
