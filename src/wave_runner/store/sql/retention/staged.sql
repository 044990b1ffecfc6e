-- A chunk of the staged rows that are decided and old enough. Of why one was rejected the rule stays, and not what it said.
WITH chosen AS MATERIALIZED (
    SELECT s.run_id, s.staged_id
    FROM workflow_runs r JOIN staged_records s USING (run_id)
    WHERE r.ended_at < clock_timestamp() - make_interval(days => %(days)s) AND s.raw IS NOT NULL AND s.state <> 'waiting'
      AND NOT EXISTS (SELECT FROM legal_holds h WHERE h.record_id = s.record_id)
    ORDER BY s.run_id, s.staged_id
    LIMIT %(size)s
)
UPDATE staged_records s
SET raw = NULL, position = NULL, source = 'erased',
    errors = coalesce((SELECT jsonb_agg(CASE jsonb_typeof(found) WHEN 'object' THEN found || '{"message": "erased"}' ELSE '"erased"' END)
                       FROM jsonb_array_elements(s.errors) AS found), '[]')
WHERE (s.run_id, s.staged_id) IN (SELECT run_id, staged_id FROM chosen)
RETURNING s.run_id
