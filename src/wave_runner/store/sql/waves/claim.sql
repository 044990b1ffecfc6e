-- Opens a wave and claims for it, in one statement. Suspects of a crash are claimed apart and in halves, so that
-- the one that kills its worker is found: the head of the queue says which, and only after the rows are taken by the
-- index, because a condition on `suspect` among the others makes the planner expect one row and read all. `picked` is
-- small and known, hence the arrays: an UPDATE joined to a CTE can turn into a scan of the whole table as soon as
-- statistics are fresh. The queue of an actor that has drifted or is paused gives nothing, since whenever it is. The runs
-- that are held come as an array, which the planner knows to be empty as a rule; one that has come to be held since is
-- left out of what is picked.
WITH front AS MATERIALIZED (
    SELECT run_id, interaction_id, rank, suspect FROM interactions
    WHERE queue_id = %(queue_id)s AND state = 'pending' AND wave_id IS NULL AND ready_at IS NULL
      AND EXISTS (SELECT FROM queues q JOIN actors a USING (actor_id) WHERE q.queue_id = %(queue_id)s AND a.state = 'active' AND a.paused_at IS NULL)
      AND run_id <> ALL (%(held)s::bigint[])
    ORDER BY rank, interaction_id
    LIMIT %(size)s
    FOR UPDATE SKIP LOCKED
), head AS (
    SELECT suspect FROM front ORDER BY rank, interaction_id LIMIT 1
), picked AS MATERIALIZED (
    SELECT run_id, interaction_id FROM front
    WHERE suspect IS NOT DISTINCT FROM (SELECT suspect FROM head)
      AND run_id <> ALL (ARRAY(SELECT h.run_id FROM held_runs h))
    ORDER BY rank, interaction_id
    LIMIT (SELECT coalesce(suspect, %(size)s::int) FROM head)
), opened AS (
    INSERT INTO waves (runner_id, runner_seq, queue_id, server, slot, visit_id, size, lease_expires_at)
    SELECT %(runner_id)s, %(runner_seq)s, %(queue_id)s, %(server)s, %(slot)s, %(visit_id)s, count(*),
           clock_timestamp() + make_interval(secs => %(lease_s)s)
    FROM picked
    HAVING count(*) > 0
    RETURNING wave_id
), held AS (
    UPDATE interactions SET wave_id = (SELECT wave_id FROM opened)
    WHERE run_id = ANY (ARRAY(SELECT DISTINCT run_id FROM picked))
      AND interaction_id = ANY (ARRAY(SELECT interaction_id FROM picked))
    RETURNING wave_id, run_id, interaction_id, run_step_id, record_id, correlation_id, parent_id, item, iteration,
              generation, rank, attempt, errors, crashes,
              extract(epoch FROM clock_timestamp() - waits_since)::float8 AS age_s
)
SELECT held.*, records.key
FROM held LEFT JOIN records USING (record_id)
ORDER BY rank, interaction_id
