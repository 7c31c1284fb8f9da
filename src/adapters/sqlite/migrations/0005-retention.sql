-- Keys are forgotten by their age. The index costs a keyed purchase about 2 of the 30 µs that it takes here; without it
-- every key would be read, again and again, to find the few that are old.
CREATE INDEX keys_by_age ON keys (accepted_at);

-- Outcomes that were forgotten, so that decisions can still be counted.
INSERT INTO counters VALUES ('async_pruned', 0);
