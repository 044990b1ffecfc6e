-- What waits, queue by queue, for the planner: the count stops at a cap and the head tells the age, so the cost
-- does not grow with the backlog. Queues of actors that drift has stopped and of paused ones are shown too, and those
-- that need labels which this runner (`fits`) or any (`lacking`) has not: they explain why nothing moves.
-- Work of a run that is held does not count; a sweeper soon parks it where nobody has to walk over it. These runs come as
-- an array, which the planner knows to be empty as a rule: asked for here, it would expect few rows and read them all. What
-- is held now is said in each row, so that whoever asked with other runs asks again; without queues there is a row of it alone.
WITH found AS (
    SELECT q.queue_id, q.lane, q.work_key, q.template, q.samples, q.p99_s, a.name AS actor, a.stopped AS drifted, a.weights_found IS NOT NULL AS other_weights, a.paused_at IS NOT NULL AS paused,
           b.kind AS breaker, b.name AS of, b.position AS stands, coalesce(b.retry_at <= clock_timestamp() OR b.is_orphan, true) AS is_due, b.trips,
           b.error_class, b.reason,
           q.needs <@ %(labels)s::text[] AS fits,
           CASE WHEN q.needs <@ %(labels)s::text[] OR EXISTS (
                    SELECT FROM runners n WHERE n.ended_at IS NULL AND q.needs <@ n.labels
                      AND n.heartbeat_at > clock_timestamp() - make_interval(secs => %(lease_s)s))
                THEN '{}' ELSE q.needs END AS lacking,
           (SELECT count(DISTINCT o.runner_id) FROM waves o
            WHERE o.queue_id = q.queue_id AND o.opened_at > now() - make_interval(secs => %(lately_s)s)
              AND o.runner_id <> %(runner_id)s) AS others,
           w.waiting, w.interaction_id, extract(epoch FROM clock_timestamp() - head.created_at)::float8 AS head_age_s, w.rank, w.run_step_id, rs.position
    FROM queues q
    JOIN actors a USING (actor_id)
    LEFT JOIN unnest(%(front_queues)s::bigint[], %(front_ranks)s::int[], %(front_ids)s::bigint[])
        AS f (queue_id, rank, interaction_id) ON f.queue_id = q.queue_id
    LEFT JOIN LATERAL (
        SELECT breakers.*, probe_by IS NOT NULL AND NOT EXISTS (
                   SELECT FROM runners p WHERE p.runner_id = probe_by AND p.ended_at IS NULL
                     AND p.heartbeat_at > clock_timestamp() - make_interval(secs => %(lease_s)s)) AS is_orphan
        FROM breakers
        WHERE failures > 0 AND ((kind = 'server' AND name = q.lane) OR (kind = 'model' AND name = a.name))
        ORDER BY position <> 'closed' DESC, kind = 'server' DESC, retry_at DESC NULLS LAST
        LIMIT 1
    ) AS b ON a.kind = 'ai_model'
    CROSS JOIN LATERAL (
        SELECT count(*) AS waiting, (array_agg(run_id))[1] AS run_id, (array_agg(interaction_id))[1] AS interaction_id,
               (array_agg(rank))[1] AS rank, (array_agg(run_step_id))[1] AS run_step_id
        FROM (
            SELECT run_id, interaction_id, rank, run_step_id
            FROM claimable
            WHERE queue_id = q.queue_id AND run_id <> ALL (%(held)s::bigint[])
              AND (rank, interaction_id) >= (coalesce(f.rank, -2147483648), coalesce(f.interaction_id, 0))
            ORDER BY rank, interaction_id
            LIMIT %(cap)s
        ) AS front
    ) AS w
    JOIN interactions head ON head.run_id = w.run_id AND head.interaction_id = w.interaction_id
    JOIN run_steps rs ON rs.run_step_id = w.run_step_id
    WHERE w.waiting > 0 AND q.lane = ANY (%(lanes)s::text[])
)
SELECT ARRAY(SELECT run_id FROM held_runs ORDER BY run_id) AS held, found.*
FROM (VALUES (1)) AS one
LEFT JOIN found ON true
