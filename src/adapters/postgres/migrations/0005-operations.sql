-- What operators did, and why. An id begins with its time, so the newest are at the end.
CREATE TABLE operations (
  id      uuid   PRIMARY KEY,
  at      bigint NOT NULL,
  actor   text   NOT NULL,
  action  text   NOT NULL,
  subject text   NOT NULL,
  reason  text,
  details jsonb  NOT NULL
);

-- Writes an operation down; false when it is there already, and was therefore done already. Other steps that operators
-- ask for call it in their own transaction.
CREATE FUNCTION pulsecart_log(operation jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO operations (id, at, actor, action, subject, reason, details)
  VALUES ((operation->>'id')::uuid, pulsecart_now(), operation->>'actor', operation->>'action', operation->>'subject',
    operation->>'reason', operation->'details')
  ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;
