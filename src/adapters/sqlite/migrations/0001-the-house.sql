-- Times are milliseconds since the epoch; amounts are minor units. Purchase ids begin with their time, so rows of
-- `orders` and `outcomes` are appended at the end of their trees, which is what keeps inserts cheap as they grow. An
-- order's `slot` is the front of its id as an integer (src/adapters/sqlite/ledger/slot.ts).

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

-- Final outcomes of async purchases that got nothing; those that got their units are in orders, under the same id.
CREATE TABLE outcomes (
  purchase_id TEXT    PRIMARY KEY,
  product_id  INTEGER NOT NULL,
  quantity    INTEGER NOT NULL,
  code        TEXT    NOT NULL,
  available   INTEGER NOT NULL,
  decided_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
  scope       TEXT    NOT NULL,
  value       TEXT    NOT NULL,
  fingerprint TEXT    NOT NULL,
  purchase_id TEXT    NOT NULL,
  accepted_at INTEGER NOT NULL,
  PRIMARY KEY (scope, value)
) STRICT, WITHOUT ROWID;

-- Attempts to decide a purchase whose message came back; counted before each attempt.
CREATE TABLE attempts (
  purchase_id     TEXT    PRIMARY KEY,
  count           INTEGER NOT NULL DEFAULT 0,
  needs_attention INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE payments (
  order_id     TEXT    NOT NULL,
  attempt      INTEGER NOT NULL,
  amount_minor INTEGER NOT NULL,
  currency     TEXT    NOT NULL,
  status       TEXT    NOT NULL CHECK (status IN ('pending', 'captured', 'declined', 'failed', 'cancelled')),
  provider_id  TEXT,
  reason       TEXT,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  PRIMARY KEY (order_id, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counters (
  name  TEXT    PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters VALUES ('async_decided', 0);

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
