-- Open tasks, the most urgent first: of one run, of a queue, claimed by a person, overdue, or all; those that come after a task, whether
-- that is still open or not. Each row has the total of all pages; where a page has none there is a row of it alone.
WITH wanted AS MATERIALIZED (
    SELECT t.run_id, t.interaction_id, -t.priority AS later, coalesce(t.due_at, 'infinity') AS due
    FROM tasks t
    WHERE t.decided_at IS NULL
      AND (%(run_id)s::bigint IS NULL OR t.run_id = %(run_id)s)
      AND (%(queue)s::text IS NULL OR t.queue = %(queue)s)
      AND (%(person)s::text IS NULL OR (t.claimed_by = %(person)s AND t.claim_expires_at > clock_timestamp()))
      AND (NOT %(overdue)s OR t.due_at < clock_timestamp())
), page AS MATERIALIZED (
    SELECT * FROM wanted
    WHERE %(after)s::bigint IS NULL
       OR (later, due, interaction_id) > (SELECT -a.priority, coalesce(a.due_at, 'infinity'), a.interaction_id FROM tasks a
                                          WHERE a.interaction_id = %(after)s)
    ORDER BY later, due, interaction_id
    LIMIT %(limit)s
)
SELECT t.interaction_id AS task, t.queue, t.title, w.name AS workflow, t.run_id, s.name AS step, r.key, t.priority,
       t.due_at, coalesce(t.due_at < clock_timestamp(), false) AS overdue, t.asked_at, t.needs, t.bulk,
       CASE WHEN t.claim_expires_at > clock_timestamp() THEN t.claimed_by END AS claimed_by,
       said.decided, said.spoken, counted.total
FROM (SELECT count(*) AS total FROM wanted) AS counted
LEFT JOIN (
    page
    JOIN tasks t USING (run_id, interaction_id)
    JOIN interactions i USING (run_id, interaction_id)
    JOIN run_steps rs USING (run_step_id)
    JOIN steps s USING (step_id)
    JOIN workflows w USING (workflow_id)
    LEFT JOIN records r USING (record_id)
    CROSS JOIN LATERAL (
        SELECT count(*) AS decided, coalesce(array_agg(d.person ORDER BY d.decided_at), '{}') AS spoken FROM decisions d
        WHERE d.run_id = t.run_id AND d.interaction_id = t.interaction_id AND d.round = t.round
    ) AS said
) ON true
ORDER BY page.later, page.due, page.interaction_id
