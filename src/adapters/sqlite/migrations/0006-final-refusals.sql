-- Refusals of sync purchases are written down when a purchase was asked for again: they are few, and have an index of their own.
ALTER TABLE outcomes ADD COLUMN sync INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outcomes_sync ON outcomes (purchase_id) WHERE sync = 1;
