-- What was raised by a run and withdrawn since.
WITH settled AS (
    UPDATE notices n SET in_force = false
    WHERE in_force AND run_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM alerts a WHERE a.run_id = n.run_id AND a.kind = n.kind)
    RETURNING notice_id, run_id, kind, subject, since, message
)
INSERT INTO notices (settles, run_id, kind, subject, since, message, in_force)
SELECT notice_id, run_id, kind, subject, since, message, false FROM settled
