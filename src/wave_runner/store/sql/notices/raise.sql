-- What stands and was not raised yet. What stands still is not told again.
INSERT INTO notices (kind, subject, since, message, in_force)
SELECT kind, subject, since, message, true
FROM unnest(%(kinds)s::text[], %(subjects)s::text[], %(since)s::timestamptz[], %(messages)s::text[])
    AS standing (kind, subject, since, message)
ON CONFLICT (kind, subject) WHERE in_force DO NOTHING
