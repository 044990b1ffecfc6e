-- Nothing is sealed or signed from here on, by any runner, until an operator opens a new epoch.
UPDATE log_state
SET stopped = %(stopped)s, stopped_at = clock_timestamp(), stopped_because = %(because)s
WHERE stopped IS NULL
