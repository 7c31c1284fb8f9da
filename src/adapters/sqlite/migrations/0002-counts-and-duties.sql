-- Async purchases handed to the queue, and sell-outs told by the tracking id itself, as the processes tell it now and then.
-- What was decided so far was queued, too.
INSERT INTO counters SELECT 'async_queued', value FROM counters WHERE name = 'async_decided';
INSERT INTO counters VALUES ('async_by_the_id', 0);

-- Who does what only one process at a time should do, and until when.
CREATE TABLE duties (
  duty    TEXT    PRIMARY KEY,
  holder  TEXT    NOT NULL,
  ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
