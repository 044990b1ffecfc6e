-- Of each interaction: how its last attempt began, how it ended, and the hash of the step that each event names.
SELECT DISTINCT ON (interaction_id, type) interaction_id, type::text AS type, seq, recorded_at, definition, data, sha256
FROM interaction_events
WHERE run_id = %(run_id)s AND interaction_id = ANY (%(ids)s::bigint[])
  AND type IN ('interaction_started', 'interaction_completed')
ORDER BY interaction_id, type, seq DESC
