-- What buyers are shown of a product beside its sale. Not columns of `products`: its rows are read and written anew with every
-- batch of purchases.
CREATE TABLE product_descriptions (
  product_id  INTEGER PRIMARY KEY,
  description TEXT,
  image_url   TEXT
) STRICT;

-- Orders are searched by product, by customer and by status, newest first. Every index ends with the slot, and so with the time. An order
-- enters them when it is paid for or over, and never by the purchase, which tests the number `open` and is done; the open ones are
-- searched one by one. What each costs is in docs/decisions/0027.
CREATE INDEX orders_by_product ON orders (product_id) WHERE open = 0;

-- By customer alone an order would change a page of its own, somewhere in a large index: 11 µs of the 30 that a purchase takes here. So
-- 4,096 orders at a time are sorted by customer, those of one product that follow each other: a few pages, which a batch fills. A search
-- looks into each of these parts; it does not need many: some twelve hundred for five million orders.
CREATE INDEX orders_by_customer ON orders (product_id, number >> 12, customer) WHERE open = 0 AND customer IS NOT NULL;

-- By the status as callers see it, without the orders that are on the way to being paid or paid: an insert tests the number `open`,
-- and is done.
CREATE INDEX orders_by_status ON orders (CASE status WHEN 'returning' THEN 'refunding' ELSE status END)
  WHERE open = 0 AND status <> 'paid';
CREATE INDEX orders_by_product_status
  ON orders (product_id, CASE status WHEN 'returning' THEN 'refunding' ELSE status END)
  WHERE open = 0 AND status <> 'paid';
