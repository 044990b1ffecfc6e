-- All copies that are not being cleared away, and how long the log is.
SELECT p.projection_id, p.name, p.version, p.code_sha256, p.state, p.position, p.stuck_because, p.stuck_since, p.advanced_at,
       p.verified_position, p.verified_at, p.digest, p.diverged_since, coalesce(l.next_index, 0) AS size
FROM projections p
LEFT JOIN log_state l ON true
WHERE p.state <> 'retired'
ORDER BY p.name, p.state DESC
