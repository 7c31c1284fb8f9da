-- What an operator asks for with an Idempotency-Key is done once: the key is in the row of the operation.
ALTER TABLE operations ADD COLUMN key TEXT;
ALTER TABLE operations ADD COLUMN fingerprint TEXT;
CREATE UNIQUE INDEX operations_by_key ON operations (key) WHERE key IS NOT NULL;
