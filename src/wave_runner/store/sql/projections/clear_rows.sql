-- A chunk of what retired copies have left behind.
WITH gone AS (
    SELECT s.ctid FROM record_states s JOIN projections p USING (projection_id) WHERE p.state = 'retired' LIMIT %(most)s
)
DELETE FROM record_states WHERE ctid = ANY (ARRAY(SELECT ctid FROM gone))
RETURNING 1 AS gone
