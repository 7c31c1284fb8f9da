-- Figures of past moments, for charts. `rate` and `strain` are what a choice of samples goes by; the index answers that choice
-- without a look at the figures, which are the bulk of a row.
CREATE TABLE history (
  at      bigint           PRIMARY KEY,
  rate    double precision NOT NULL,
  strain  double precision NOT NULL,
  figures text             NOT NULL
);

CREATE INDEX history_ranks ON history (at) INCLUDE (rate, strain);

-- Facts of the service that every process should know, such as the state of a rush; the newest of each name.
CREATE TABLE service_notes (
  name  text   PRIMARY KEY,
  at    bigint NOT NULL,
  value text   NOT NULL
);
