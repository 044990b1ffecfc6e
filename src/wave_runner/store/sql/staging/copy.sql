-- Rows of a batch are staged once more, in the run that takes them up: its first step is who has staged them.
WITH taken AS MATERIALIZED (
    UPDATE staged_records s
    SET state = 'revalidated', again_in = %(again_in)s, decided_at = coalesce(decided_at, clock_timestamp()),
        decided_by = CASE WHEN decided_at IS NULL THEN %(by)s ELSE decided_by END
    WHERE s.run_id = %(run_id)s AND s.staged_id = ANY (%(ids)s::bigint[])
    RETURNING s.staged_id, s.collection, s.source, s.position, s.raw
)
INSERT INTO staged_records (run_id, interaction_id, collection, source, position, raw, copy_of)
SELECT %(again_in)s, (SELECT interaction_id FROM interactions WHERE run_id = %(again_in)s AND record_id IS NULL), collection, source,
       position, raw, staged_id
FROM taken
ORDER BY staged_id
RETURNING staged_id, copy_of
