-- What has become of actors and workflows, from the log: seen first, drifted, approved, tightened, restored.
SELECT event_id, recorded_at, coalesce(actor, data::json ->> 'workflow') AS name, type::text AS type, definition, data
FROM interaction_events
WHERE run_id = 0 AND interaction_id IS NULL
  AND type IN ('actor_registered', 'actor_drifted', 'actor_approved', 'actor_tightened', 'actor_restored',
               'workflow_registered', 'workflow_drifted', 'workflow_approved', 'workflow_tightened', 'workflow_restored')
  AND (%(name)s::text IS NULL OR coalesce(actor, data::json ->> 'workflow') = %(name)s)
ORDER BY event_id
