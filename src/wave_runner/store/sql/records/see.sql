-- A batch has these records. Returns those that an earlier one had no more: they are back.
WITH back AS MATERIALIZED (
    SELECT record_id FROM records
    WHERE record_id = ANY (%(record_ids)s::bigint[]) AND vanished_in < %(run_id)s
    ORDER BY record_id
), seen AS (
    UPDATE records
    SET seen_in = greatest(seen_in, %(run_id)s),
        vanished_in = CASE WHEN vanished_in > %(run_id)s THEN vanished_in END,
        vanished_at = CASE WHEN vanished_in > %(run_id)s THEN vanished_at END
    WHERE record_id = ANY (%(record_ids)s::bigint[])
)
SELECT record_id FROM back ORDER BY record_id
