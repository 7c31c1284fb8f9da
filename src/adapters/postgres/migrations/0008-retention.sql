-- Keys are forgotten by their age; without the index every key would be read, again and again, to find the few that are old.
-- New entries come at its end, which is where an index is cheapest.
CREATE INDEX keys_by_age ON keys (accepted_at);

-- Outcomes that were forgotten, so that decisions can still be counted.
INSERT INTO counters VALUES ('async_pruned', 0, 0);
