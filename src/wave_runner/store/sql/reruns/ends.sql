-- What the events say of how interactions have ended: where they went on, and over how many items.
SELECT DISTINCT ON (interaction_id) interaction_id, data FROM interaction_events
WHERE run_id = %(run_id)s AND interaction_id = ANY (%(ids)s::bigint[])
  AND type IN ('interaction_completed', 'interaction_failed', 'interaction_quarantined', 'interaction_cancelled', 'interaction_skipped')
ORDER BY interaction_id, seq DESC
