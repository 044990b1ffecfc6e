-- What has become of actors, from the log: seen first, drifted, approved, restored.
SELECT event_id, recorded_at, actor, type::text AS type, definition, data
FROM interaction_events
WHERE run_id = 0 AND interaction_id IS NULL
  AND type IN ('actor_registered', 'actor_drifted', 'actor_approved', 'actor_restored')
  AND (%(actor)s::text IS NULL OR actor = %(actor)s)
ORDER BY event_id
