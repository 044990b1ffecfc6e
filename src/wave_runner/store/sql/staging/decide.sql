UPDATE staged_records s
SET state = g.state, errors = g.errors, record_id = g.record_id, decided_at = clock_timestamp(),
    decider_id = %(decider_id)s, decided_by = %(decided_by)s
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(errors)s::jsonb[], %(record_ids)s::bigint[])
    AS g (staged_id, state, errors, record_id)
WHERE s.run_id = %(run_id)s AND s.staged_id = ANY (%(ids)s::bigint[]) AND s.staged_id = g.staged_id
  AND s.state = 'waiting'
RETURNING s.staged_id
