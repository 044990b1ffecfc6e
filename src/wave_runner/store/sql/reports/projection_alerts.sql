-- What is wrong with projections at this moment: one is stuck, is not what the log makes of it, or nobody goes on with it.
SELECT 'projection_stuck' AS kind, p.name AS subject, p.stuck_since AS since,
       p.stuck_because || '; wave projection skip ' || p.name || ' ' || p.position || ' leaves it out' AS message
FROM projections p WHERE p.state <> 'retired' AND p.stuck_because IS NOT NULL
UNION ALL
SELECT 'projection_diverged', p.name, p.diverged_since,
       'it is not what the log makes of it: wave projection verify ' || p.name || ' says where, wave projection rebuild ' || p.name || ' folds it anew'
FROM projections p WHERE p.state = 'live' AND p.diverged_since IS NOT NULL
UNION ALL
SELECT 'projection_behind', p.name, p.advanced_at,
       'nobody folds it: ' || l.next_index - p.position || ' entries behind; wave runner, of version ' || p.version || ' of this projection or newer'
FROM projections p CROSS JOIN log_state l
WHERE p.state = 'live' AND p.stuck_because IS NULL AND l.next_index > p.position
  AND p.advanced_at < clock_timestamp() - make_interval(secs => %(patience_s)s)
ORDER BY since
