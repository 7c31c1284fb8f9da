-- Figures of past moments, for charts. `rate` and `strain` are what a choice of samples goes by; the index answers that choice
-- without a look at the figures, which are the bulk of a row.
CREATE TABLE history (
  at      INTEGER PRIMARY KEY,
  rate    REAL    NOT NULL,
  strain  REAL    NOT NULL,
  figures TEXT    NOT NULL
) STRICT;

CREATE INDEX history_ranks ON history (at, rate, strain);

-- Facts of the service that every process should know, such as the state of a rush; the newest of each name.
CREATE TABLE service_notes (
  name  TEXT    PRIMARY KEY,
  at    INTEGER NOT NULL,
  value TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
