-- A value was written only by an interaction that completed, in one transaction, unless the source has changed it; a staged row became at most one
-- record, and a record came from at most one staged row of a run.
SELECT v.run_id, v.interaction_id, 'has written, and is ' || i.state AS says
FROM (SELECT DISTINCT run_id, interaction_id FROM value_writes WHERE NOT is_intake) AS v JOIN interactions i USING (run_id, interaction_id)
WHERE i.state NOT IN ('completed', 'invalidated')
UNION ALL
SELECT run_id, interaction_id, 'has written in ' || count(DISTINCT written_at) || ' transactions'
FROM value_writes
WHERE NOT is_undo AND NOT is_intake
GROUP BY run_id, interaction_id
HAVING count(DISTINCT written_at) > 1
UNION ALL
SELECT run_id, NULL, 'record ' || record_id || ' was promoted ' || count(*) || ' times'
FROM staged_records
WHERE state = 'promoted'
GROUP BY run_id, record_id
HAVING count(*) > 1
