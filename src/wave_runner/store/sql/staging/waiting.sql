-- raw::text, not the json: the driver's own reader would lose what makes a row broken. A batch is full when its rows have
-- so many bytes together, and one row is always in it. Which may be in it is seen first from what they take in the table,
-- compressed: that is known without reading them.
WITH near AS MATERIALIZED (
    SELECT staged_id, raw, source, sum(pg_column_size(raw)) OVER (ORDER BY staged_id) - pg_column_size(raw) AS before
    FROM (
        SELECT staged_id, raw, source FROM staged_records
        WHERE run_id = %(run_id)s AND state = 'waiting' AND staged_id > %(after)s
        ORDER BY staged_id
        LIMIT %(limit)s
    ) AS next
), texts AS MATERIALIZED (
    SELECT staged_id, raw::text AS raw, source FROM near WHERE before < %(bytes)s
), sized AS (
    SELECT staged_id, raw, source, sum(octet_length(raw)) OVER (ORDER BY staged_id) - octet_length(raw) AS before FROM texts
)
SELECT staged_id AS id, raw, source FROM sized WHERE before < %(bytes)s ORDER BY staged_id
