-- The next selected records become interactions. Left out are those that are under way in this workflow, in whatever
-- run, or have ended and not been judged yet; those that have vanished from their source; and those that are completed and
-- whose row is as it was when it was read.
-- `room` is how many more the run may begin.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(%(record_ids)s::bigint[], %(hashes)s::bytea[]) WITH ORDINALITY AS g (record_id, read_hash, place)
), judged AS MATERIALIZED (
    SELECT g.record_id, g.place, newest.state = 'incomplete' AS again,
           CASE WHEN c.vanished_in IS NOT NULL THEN 'vanished'
                WHEN newest.state IN ('live', 'ended') THEN 'under_way'
                WHEN newest.state = 'completed' AND newest.read_hash = g.read_hash THEN 'unchanged'
                ELSE 'begin' END AS verdict
    FROM given g
    JOIN records c USING (record_id)
    LEFT JOIN LATERAL (
        SELECT r.state, r.read_hash FROM run_records r
        WHERE r.record_id = g.record_id AND r.workflow_id = %(workflow_id)s
        ORDER BY r.run_id DESC
        LIMIT 1
    ) AS newest ON true
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
       (SELECT count(*) FROM judged WHERE verdict = 'vanished') AS vanished,
       (SELECT count(*) FROM judged WHERE verdict = 'under_way')
           + (SELECT count(*) FROM chosen) - (SELECT count(*) FROM children) AS under_way
