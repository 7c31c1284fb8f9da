-- What operators did, and why. An id begins with its time, so the newest are at the end.
CREATE TABLE operations (
  id      TEXT    PRIMARY KEY,
  at      INTEGER NOT NULL,
  actor   TEXT    NOT NULL,
  action  TEXT    NOT NULL,
  subject TEXT    NOT NULL,
  reason  TEXT,
  details TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
