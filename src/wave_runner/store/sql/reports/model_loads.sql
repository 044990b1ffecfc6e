-- Loads made while the run was under way, for queues that it waits in. A model serves all runs that wait for it,
-- so a load can belong to several. Loads are few, waves are many: those of a load are looked for, one load after the other.
SELECT count(*) AS loads, coalesce(sum(v.load_us), 0)::bigint AS load_us
FROM workflow_runs r
JOIN visits v ON v.loaded AND v.opened_at >= r.started_at AND v.opened_at <= coalesce(r.ended_at, 'infinity')
WHERE r.run_id = %(run_id)s
  AND EXISTS (
    SELECT FROM waves
    WHERE visit_id = v.visit_id AND queue_id = ANY (ARRAY(SELECT queue_id FROM run_steps WHERE run_id = %(run_id)s))
    OFFSET 0)
