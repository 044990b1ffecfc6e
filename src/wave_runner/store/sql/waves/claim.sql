-- Opens a wave and claims for it, in one statement. Suspects of a crash are claimed apart and in halves, so that
-- the one that kills its worker is found: the head of the queue says which, and only after the rows are taken by the
-- index. The queue of an actor that is stopped by drift or paused gives nothing, since whenever it is. The runs that are held
-- come as an array, which the planner knows to be empty as a rule; one that has come to be held since is left out of what is
-- picked. The front is where the last look has seen the head: as long as somebody reads an old snapshot, what was claimed before
-- it cannot be cleared away, and would be walked over again each time. What is picked goes by its place in the table: a DELETE joined to a CTE can turn into a scan of the whole table as
-- soon as statistics are fresh.
WITH front AS MATERIALIZED (
    SELECT ctid, run_id, interaction_id, rank, suspect FROM claimable
    WHERE queue_id = %(queue_id)s
      AND EXISTS (SELECT FROM queues q JOIN actors a USING (actor_id) WHERE q.queue_id = %(queue_id)s AND NOT a.stopped AND a.paused_at IS NULL)
      AND run_id <> ALL (%(held)s::bigint[])
      AND (rank, interaction_id) >= (%(front_rank)s, %(front_id)s)
    ORDER BY rank, interaction_id
    LIMIT %(size)s
    FOR UPDATE SKIP LOCKED
), head AS (
    SELECT suspect FROM front ORDER BY rank, interaction_id LIMIT 1
), picked AS MATERIALIZED (
    SELECT ctid, run_id, interaction_id FROM front
    WHERE suspect IS NOT DISTINCT FROM (SELECT suspect FROM head)
      AND run_id <> ALL (ARRAY(SELECT h.run_id FROM held_runs h))
    ORDER BY rank, interaction_id
    LIMIT (SELECT coalesce(suspect, %(size)s::int) FROM head)
), items AS MATERIALIZED (
    SELECT i.run_id, i.interaction_id, i.run_step_id, i.record_id, i.correlation_id, i.parent_id, i.item, i.iteration,
           i.generation, i.rank, i.attempt, i.errors,
           extract(epoch FROM clock_timestamp() - i.waits_since)::float8 AS age_s
    FROM picked p JOIN interactions i USING (run_id, interaction_id)
    WHERE CASE i.state WHEN 'pending' THEN i.ready_at IS NULL END
), opened AS (
    INSERT INTO waves (runner_id, runner_seq, queue_id, server, slot, size, lease_expires_at)
    SELECT %(runner_id)s, %(runner_seq)s, %(queue_id)s, %(server)s, %(slot)s, count(*),
           clock_timestamp() + make_interval(secs => %(lease_s)s)
    FROM items
    HAVING count(*) > 0
    RETURNING wave_id, queue_id, size
), taken AS (
    DELETE FROM claimable WHERE ctid = ANY (ARRAY(SELECT ctid FROM picked))
), held AS (
    INSERT INTO claimed (wave_id, interaction_id, run_id) SELECT wave_id, interaction_id, run_id FROM opened CROSS JOIN items
), logged AS (
    INSERT INTO interaction_events (run_id, form, type, wave_id, runner_id, data, sha256)
    SELECT 0, 1, 'wave_opened', wave_id, %(runner_id)s, said.data, sha256(convert_to(said.data, 'UTF8'))
    FROM opened CROSS JOIN LATERAL (
        SELECT format('{"queue":%%s,"reason":%%s,"seq":%%s,"size":%%s}', queue_id, %(reason)s::text, %(runner_seq)s::bigint, size) AS data
    ) AS said
)
SELECT o.wave_id, o.queue_id, i.run_id, i.interaction_id, i.run_step_id, i.record_id, r.key, i.correlation_id, i.parent_id,
       i.item, i.iteration, i.generation, i.attempt, i.errors, i.age_s
FROM opened o CROSS JOIN items i LEFT JOIN records r USING (record_id)
ORDER BY i.rank, i.interaction_id
