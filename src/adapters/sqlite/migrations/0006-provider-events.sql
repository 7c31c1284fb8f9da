-- Events that the payment company told of. The id is all that makes one be taken once; `open` ones are still to be looked into.
CREATE TABLE provider_events (
  id         TEXT    PRIMARY KEY,
  at         INTEGER NOT NULL,
  subject    TEXT    NOT NULL,
  subject_id TEXT    NOT NULL,
  key        TEXT,
  open       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX provider_events_by_age ON provider_events (at);
CREATE INDEX provider_events_open ON provider_events (at, id) WHERE open = 1;

-- What came over captured payments later: a dispute of the customer, a refund that failed. A table of its own, because payments are
-- many and these are few.
CREATE TABLE payment_troubles (
  order_id    TEXT    NOT NULL,
  attempt     INTEGER NOT NULL,
  kind        TEXT    NOT NULL CHECK (kind IN ('dispute', 'refund')),
  state       TEXT    NOT NULL CHECK (state IN ('open', 'won', 'lost', 'failed')),
  provider_id TEXT    NOT NULL,
  updated_at  INTEGER NOT NULL,
  PRIMARY KEY (order_id, attempt, kind)
) STRICT, WITHOUT ROWID;
