-- What buyers are shown of a product beside its sale. Not columns of `products`: its rows are written anew with every batch
-- of purchases, and a text of 2,000 characters in each would fill the page whose free space those versions live from.
CREATE TABLE product_descriptions (
  product_id  bigint PRIMARY KEY,
  description text,
  image_url   text
);
