-- What was raised and stands no more.
WITH settled AS (
    UPDATE notices SET in_force = false
    WHERE in_force AND run_id IS NULL
      AND (kind, subject) NOT IN (SELECT * FROM unnest(%(kinds)s::text[], %(subjects)s::text[]))
    RETURNING notice_id, kind, subject, since, message
)
INSERT INTO notices (settles, kind, subject, since, message, in_force)
SELECT notice_id, kind, subject, since, message, false FROM settled
