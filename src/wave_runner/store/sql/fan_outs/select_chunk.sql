-- The next selected records become interactions. Left out are those that are under way in this workflow, in whatever
-- run, or have ended and not been judged yet; those that have vanished from their source; and those whose row is as it was
-- when it was read: the completed ones, and the incomplete ones that would come out the same. What failed for a reason that
-- may pass is tried again, and so is all that is incomplete if the workflow is done in another way now, or the run
-- `takes_again`. `room` is how many more the run may begin.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(%(record_ids)s::bigint[], %(hashes)s::bytea[]) WITH ORDINALITY AS g (record_id, read_hash, place)
), known AS MATERIALIZED (
    SELECT g.record_id, g.place, newest.run_id, newest.state, newest.read_hash = g.read_hash AS is_same,
           c.vanished_in IS NOT NULL AS has_vanished
    FROM given g
    CROSS JOIN LATERAL (SELECT vanished_in FROM records WHERE record_id = g.record_id OFFSET 0) AS c
    LEFT JOIN LATERAL (
        SELECT r.run_id, r.state, r.read_hash FROM run_records r
        WHERE r.record_id = g.record_id AND r.workflow_id = %(workflow_id)s
        ORDER BY r.run_id DESC
        LIMIT 1
    ) AS newest ON true
), pinned AS MATERIALIZED (
    SELECT rs.run_id, rs.generation, array_agg(rs.definition_id ORDER BY rs.position) AS ids
    FROM run_steps rs
    WHERE rs.run_id = %(run_id)s OR rs.run_id = ANY (ARRAY(SELECT DISTINCT run_id FROM known WHERE state = 'incomplete' AND is_same))
    GROUP BY rs.run_id, rs.generation
), alike AS (
    -- Runs, or reruns of them, that have done every step as this run will do it.
    SELECT DISTINCT p.run_id
    FROM workflow_runs r
    JOIN pinned mine ON mine.run_id = r.run_id
    JOIN pinned p ON p.ids = mine.ids
    JOIN workflow_runs o ON o.run_id = p.run_id AND o.params = r.params
    WHERE r.run_id = %(run_id)s AND NOT r.takes_again
), may_pass AS MATERIALIZED (
    -- Counted, and not asked for whether there is one: for that the planner would read the table until it meets one.
    SELECT k.run_id, k.record_id
    FROM known k
    CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM interactions i
        WHERE i.run_id = k.run_id AND i.record_id = k.record_id AND i.in_force
          AND (i.state = 'cancelled'
               OR i.state = 'failed' AND i.error_class IN ('transient', 'rate_limited', 'overloaded', 'timeout', 'crashed'))
    ) AS c
    WHERE k.state = 'incomplete' AND k.is_same AND c.n > 0
), judged AS MATERIALIZED (
    SELECT record_id, place, state = 'incomplete' AS again,
           CASE WHEN has_vanished THEN 'vanished'
                WHEN state IN ('live', 'ended') THEN 'under_way'
                WHEN is_same AND state = 'completed' THEN 'unchanged'
                WHEN is_same AND run_id IN (SELECT run_id FROM alike) AND NOT EXISTS (
                    SELECT FROM may_pass m WHERE m.run_id = known.run_id AND m.record_id = known.record_id
                ) THEN 'incomplete'
                ELSE 'begin' END AS verdict
    FROM known
), chosen AS MATERIALIZED (
    SELECT record_id, place, again FROM judged WHERE verdict = 'begin' ORDER BY place LIMIT %(room)s
), flows AS (
    INSERT INTO run_records (run_id, record_id, workflow_id, live)
    SELECT %(run_id)s, record_id, %(workflow_id)s, 1 FROM chosen ORDER BY record_id
    ON CONFLICT DO NOTHING
    RETURNING run_id, record_id, correlation_id
), children AS (
    INSERT INTO interactions (run_id, run_step_id, queue_id, record_id, correlation_id, generation, rank)
    SELECT flows.run_id, %(run_step_id)s, %(queue_id)s, flows.record_id, flows.correlation_id, %(generation)s, %(rank)s
    FROM flows JOIN chosen USING (record_id)
    ORDER BY chosen.place
    RETURNING queue_id, rank, interaction_id, run_id, run_step_id
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id) SELECT * FROM children
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT %(run_id)s, %(run_step_id)s, 'pending', count(*) FROM children HAVING count(*) > 0
)
-- A record that another run began at this very moment is under way.
SELECT (SELECT count(*) FROM children) AS begun,
       (SELECT count(*) FROM flows JOIN chosen USING (record_id) WHERE again) AS again,
       (SELECT count(*) FROM judged WHERE verdict = 'unchanged') AS unchanged,
       (SELECT count(*) FROM judged WHERE verdict = 'incomplete') AS left_incomplete,
       (SELECT count(*) FROM judged WHERE verdict = 'vanished') AS vanished,
       (SELECT count(*) FROM judged WHERE verdict = 'under_way')
           + (SELECT count(*) FROM chosen) - (SELECT count(*) FROM children) AS under_way
