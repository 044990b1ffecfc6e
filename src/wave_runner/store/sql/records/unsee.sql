-- A batch was rolled back: its records were last seen in the batch before it, and what has vanished with it is there again.
WITH back AS MATERIALIZED (
    SELECT record_id FROM records WHERE vanished_in = %(run_id)s ORDER BY record_id FOR NO KEY UPDATE
), returned AS (
    UPDATE records SET vanished_in = NULL, vanished_at = NULL WHERE record_id IN (SELECT record_id FROM back)
), unseen AS (
    UPDATE records r
    SET seen_in = (SELECT max(s.run_id) FROM staged_records s
                   WHERE s.record_id = r.record_id AND s.run_id < %(run_id)s AND s.state IN ('promoted', 'updated', 'unchanged', 'rejected'))
    WHERE r.record_id = ANY (%(record_ids)s::bigint[]) AND r.seen_in = %(run_id)s
)
SELECT record_id FROM back ORDER BY record_id
