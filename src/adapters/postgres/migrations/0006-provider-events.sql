-- Events that the payment company told of. The id is all that makes one be taken once; `open` ones are still to be looked into.
CREATE TABLE provider_events (
  at         bigint  NOT NULL,
  open       boolean NOT NULL,
  id         text    PRIMARY KEY COLLATE "C",
  subject    text    NOT NULL,
  subject_id text    NOT NULL,
  key        text
);

CREATE INDEX provider_events_by_age ON provider_events (at);
CREATE INDEX provider_events_open ON provider_events (at, id) WHERE open;

-- What came over captured payments later: a dispute of the customer, a refund that failed. A table of its own, because payments are
-- many and these are few.
CREATE TABLE payment_troubles (
  order_id    uuid    NOT NULL,
  updated_at  bigint  NOT NULL,
  attempt     integer NOT NULL,
  kind        text    NOT NULL CHECK (kind IN ('dispute', 'refund')),
  state       text    NOT NULL CHECK (state IN ('open', 'won', 'lost', 'failed')),
  provider_id text    NOT NULL,
  PRIMARY KEY (order_id, attempt, kind)
);
