-- Open tasks, the most urgent first: of one run, of a queue, claimed by a person, overdue, or all.
SELECT t.interaction_id AS task, t.queue, t.title, w.name AS workflow, t.run_id, s.name AS step, r.key, t.priority,
       t.due_at, coalesce(t.due_at < clock_timestamp(), false) AS overdue, t.asked_at, t.needs, t.bulk,
       CASE WHEN t.claim_expires_at > clock_timestamp() THEN t.claimed_by END AS claimed_by,
       said.decided, said.spoken,
       count(*) OVER () AS total
FROM tasks t
JOIN interactions i USING (run_id, interaction_id)
JOIN run_steps rs USING (run_step_id)
JOIN steps s USING (step_id)
JOIN workflows w USING (workflow_id)
LEFT JOIN records r USING (record_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS decided, coalesce(array_agg(d.person ORDER BY d.decided_at), '{}') AS spoken FROM decisions d
    WHERE d.run_id = t.run_id AND d.interaction_id = t.interaction_id AND d.round = t.round
) AS said
WHERE t.decided_at IS NULL
  AND (%(run_id)s::bigint IS NULL OR t.run_id = %(run_id)s)
  AND (%(queue)s::text IS NULL OR t.queue = %(queue)s)
  AND (%(person)s::text IS NULL OR (t.claimed_by = %(person)s AND t.claim_expires_at > clock_timestamp()))
  AND (NOT %(overdue)s OR t.due_at < clock_timestamp())
ORDER BY t.priority DESC, t.due_at, t.interaction_id
LIMIT %(limit)s
