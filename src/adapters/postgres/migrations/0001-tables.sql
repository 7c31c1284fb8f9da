-- Times are milliseconds since the epoch; amounts are minor units. Purchase ids begin with their time, so orders are
-- appended at the end of their index, which is what keeps inserts cheap as they grow. No foreign keys: each insert would
-- lock the one product row that all purchases want. The audit looks for what they would forbid.
--
-- Text that is looked up compares by its bytes (COLLATE "C"): cheaper, and an upgrade of the system's collations cannot
-- damage its indexes.

CREATE TYPE order_status AS ENUM
  ('reserved', 'charging', 'paid', 'declined', 'expired', 'cancelled', 'refunding', 'returning', 'refunded');

CREATE TYPE channel AS ENUM ('sync', 'async');

-- The hottest rows of all, changed with every batch. No changing column is indexed and most of each page stays free, so a
-- new version goes beside the old one and the next batch sweeps the old ones away (HOT), without waiting for a vacuum.
CREATE TABLE products (
  id                 bigint  PRIMARY KEY,
  price_minor        bigint  NOT NULL CHECK (price_minor >= 0),
  total              bigint  NOT NULL,
  reserved           bigint  NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  sold               bigint  NOT NULL DEFAULT 0 CHECK (sold >= 0),
  version            bigint  NOT NULL DEFAULT 1,
  last_number        bigint  NOT NULL DEFAULT 0,
  opens_at           bigint,
  closes_at          bigint,
  generation         integer NOT NULL DEFAULT 1,
  per_customer_limit integer CHECK (per_customer_limit >= 1),
  hold_seconds       integer NOT NULL CHECK (hold_seconds >= 1),
  state              text    NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paused')),
  -- An anonymous purchase is refused as `customer_required`.
  customer_required  boolean NOT NULL DEFAULT false,
  currency           text    NOT NULL,
  name               text    NOT NULL,
  CHECK (reserved + sold <= total)
) WITH (fillfactor = 10, vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- How many units each round of a sale was opened with.
CREATE TABLE generations (
  product_id bigint  NOT NULL,
  started_at bigint  NOT NULL,
  generation integer NOT NULL,
  units      integer NOT NULL CHECK (units >= 0),
  PRIMARY KEY (product_id, generation)
);

-- Wide columns first, so that no padding lies between them. Half of each page is left for what becomes of its orders: a
-- lease then changes its order in place, and the space of a version that is over is used by the next.
CREATE TABLE orders (
  id          uuid         PRIMARY KEY,
  product_id  bigint       NOT NULL,
  number      bigint       NOT NULL,
  price_minor bigint       NOT NULL,
  created_at  bigint       NOT NULL,
  expires_at  bigint       NOT NULL,
  updated_at  bigint       NOT NULL,
  lease_until bigint       NOT NULL DEFAULT 0,
  generation  integer      NOT NULL,
  quantity    integer      NOT NULL CHECK (quantity >= 1),
  remaining   integer      NOT NULL,
  attempts    integer      NOT NULL DEFAULT 0,
  leases      integer      NOT NULL DEFAULT 0,
  status      order_status NOT NULL DEFAULT 'reserved',
  channel     channel      NOT NULL,
  -- While its units are reserved. A column of its own, because an index on the status would make every change of it costly.
  open        boolean      NOT NULL DEFAULT true,
  currency    text         NOT NULL,
  customer    text
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- The orders that still owe something: sweeps read these and no others.
CREATE INDEX orders_open ON orders (expires_at) WHERE open;

-- Units each customer of a limited sale holds. It alone enforces the limit. Written under the product's lock only.
CREATE TABLE holdings (
  product_id bigint  NOT NULL,
  generation integer NOT NULL,
  units      integer NOT NULL CHECK (units >= 0),
  customer   text    NOT NULL COLLATE "C",
  PRIMARY KEY (product_id, generation, customer)
) WITH (fillfactor = 80);

-- Final outcomes of async purchases that got nothing, and of sync ones that were asked for again; those that got their units are
-- in orders, under the same id.
CREATE TABLE outcomes (
  purchase_id uuid    PRIMARY KEY,
  product_id  bigint  NOT NULL,
  available   bigint  NOT NULL,
  decided_at  bigint  NOT NULL,
  quantity    integer NOT NULL,
  sync        boolean NOT NULL DEFAULT false,
  code        text    NOT NULL
);

-- Few, and looked for by each batch of sync purchases.
CREATE INDEX outcomes_sync ON outcomes (purchase_id) WHERE sync;

CREATE TABLE keys (
  purchase_id uuid   NOT NULL,
  accepted_at bigint NOT NULL,
  scope       text   NOT NULL COLLATE "C",
  value       text   NOT NULL COLLATE "C",
  fingerprint text   NOT NULL,
  PRIMARY KEY (scope, value)
);

-- Keys are pruned by their age; without the index every key would be read, again and again, to find the few that are old.
-- New entries come at its end, which is where an index is cheapest.
CREATE INDEX keys_by_age ON keys (accepted_at);

-- Keys that a batch refused to sync purchases, by their hashes. Needed for as long as an earlier statement may be on its way,
-- and pruned after that.
CREATE TABLE key_refusals (
  decided_at bigint   NOT NULL,
  keys       bigint[] NOT NULL
);

CREATE INDEX key_refusals_by_age ON key_refusals (decided_at);

-- Attempts to decide a purchase whose message came back; counted before each attempt.
CREATE TABLE attempts (
  purchase_id     uuid    PRIMARY KEY,
  count           integer NOT NULL DEFAULT 0,
  needs_attention boolean NOT NULL DEFAULT false
);

CREATE TABLE payments (
  order_id      uuid    NOT NULL,
  amount_minor  bigint  NOT NULL,
  created_at    bigint  NOT NULL,
  updated_at    bigint  NOT NULL,
  -- When the provider is to be asked (again) for the refund.
  refund_due_at bigint,
  attempt       integer NOT NULL,
  refund_tries  integer NOT NULL DEFAULT 0,
  currency      text    NOT NULL,
  status        text    NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'captured', 'declined', 'failed', 'cancelled', 'refunding', 'refunded')),
  provider_id   text,
  reason        text,
  PRIMARY KEY (order_id, attempt),
  CHECK ((status = 'refunding') = (refund_due_at IS NOT NULL))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- The money on its way back: a handful of rows, whatever the table grows to. Not by the status, which would then be indexed,
-- and each settled charge would cost a change of the index.
CREATE INDEX payments_refunds ON payments (refund_due_at) WHERE refund_due_at IS NOT NULL;

-- What operators did, and why. An id begins with its time, so the newest are at the end. An operation that came with an
-- Idempotency-Key has it here, and so in the commit of the step: `key` is the value with the call that it belongs to,
-- `fingerprint` what was asked for.
CREATE TABLE audit_log (
  id          uuid   PRIMARY KEY,
  at          bigint NOT NULL,
  actor       text   NOT NULL,
  action      text   NOT NULL,
  subject     text   NOT NULL,
  reason      text,
  details     jsonb  NOT NULL,
  key         text,
  fingerprint text
);

CREATE UNIQUE INDEX audit_log_by_key ON audit_log (key) WHERE key IS NOT NULL;

CREATE TABLE secrets (
  name  text  PRIMARY KEY,
  value bytea NOT NULL
);

-- Async purchases handed to the queue, decided by us, decided at once by their id, and pruned. Each is the sum of its rows. A
-- batch adds to the row of its first product, which it has locked already, so that sales of different products do not wait for
-- each other here.
CREATE TABLE counters (
  name  text    NOT NULL,
  shard integer NOT NULL,
  value bigint  NOT NULL,
  PRIMARY KEY (name, shard)
) WITH (fillfactor = 10, vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE TABLE leader_leases (
  job    text   PRIMARY KEY,
  owner  text   NOT NULL,
  ends_at bigint NOT NULL
);

INSERT INTO counters SELECT 'async_decided', shard, 0 FROM generate_series(0, 63) AS shard;
INSERT INTO counters VALUES ('async_queued', 0, 0), ('async_by_the_id', 0, 0), ('async_pruned', 0, 0);

-- The ledger's clock: the time now, not that of the transaction's begin, which may lie before a lock it waited for.
CREATE FUNCTION pulsecart_now() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- Writes an operation down; false where one of this id or this key is there already.
CREATE FUNCTION pulsecart_log(operation jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_log (id, at, actor, action, subject, reason, details, key, fingerprint)
  VALUES ((operation->>'id')::uuid, pulsecart_now(), operation->>'actor', operation->>'action', operation->>'subject',
    operation->>'reason', operation->'details', operation->'key'->>'value', operation->'key'->>'fingerprint')
  ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;

-- Why the sale takes no purchase at this moment, or null: `saleRefusal` of the domain.
CREATE FUNCTION pulsecart_closed(p products, at_ms bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN at_ms < p.opens_at THEN 'sale_not_open'
    WHEN at_ms >= p.closes_at THEN 'sale_closed'
    WHEN p.state = 'paused' THEN 'sale_paused'
  END
$$;

-- Rows in the shape of the domain.
CREATE FUNCTION pulsecart_product(p products) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT json_build_object('id', p.id, 'name', p.name, 'priceMinor', p.price_minor, 'currency', p.currency,
    'total', p.total, 'reserved', p.reserved, 'sold', p.sold, 'version', p.version, 'generation', p.generation,
    'state', p.state, 'opensAt', p.opens_at, 'closesAt', p.closes_at, 'perCustomerLimit', p.per_customer_limit,
    'customerRequired', p.customer_required, 'holdSeconds', p.hold_seconds)
$$;

CREATE FUNCTION pulsecart_order(o orders) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT json_build_object('id', o.id, 'productId', o.product_id, 'generation', o.generation, 'number', o.number,
    'customer', o.customer, 'quantity', o.quantity, 'priceMinor', o.price_minor, 'currency', o.currency,
    'channel', o.channel, 'status', o.status, 'remaining', o.remaining, 'createdAt', o.created_at,
    'expiresAt', o.expires_at, 'attempts', o.attempts, 'updatedAt', o.updated_at)
$$;
