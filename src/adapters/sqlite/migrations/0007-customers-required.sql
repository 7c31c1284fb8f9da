-- A sale can be for named customers alone.
ALTER TABLE products ADD COLUMN customer_required INTEGER NOT NULL DEFAULT 0;
