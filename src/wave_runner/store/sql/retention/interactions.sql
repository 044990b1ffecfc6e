-- A chunk of what interactions were given and have given, where that is old enough. What was recorded answers nobody any more.
-- A run that is just being made to go on is waited for, and left alone then.
WITH chosen AS MATERIALIZED (
    SELECT i.run_id, i.interaction_id, sha256(i.input_nonce || convert_to(i.input, 'UTF8')) AS input,
           sha256(i.output_nonce || convert_to(i.output, 'UTF8')) AS output
    FROM workflow_runs r JOIN interactions i USING (run_id)
    WHERE r.ended_at < clock_timestamp() - make_interval(days => %(days)s) AND NOT i.erased
      AND NOT EXISTS (SELECT FROM held_interactions h WHERE h.run_id = i.run_id AND h.interaction_id = i.interaction_id)
    ORDER BY i.run_id, i.interaction_id
    LIMIT %(size)s
    FOR SHARE OF r
), gone AS (
    UPDATE interactions
    SET erased = true, input = NULL, input_nonce = NULL, output = NULL, output_nonce = NULL,
        error = CASE WHEN error IS NOT NULL THEN 'erased' END
    WHERE (run_id, interaction_id) IN (SELECT run_id, interaction_id FROM chosen)
), compared AS (
    UPDATE counterparts SET expected = NULL WHERE (run_id, interaction_id) IN (SELECT run_id, interaction_id FROM chosen)
), forgotten AS (
    DELETE FROM answers WHERE (run_id, interaction_id) IN (SELECT run_id, interaction_id FROM chosen)
)
SELECT c.run_id, c.interaction_id, encode(one.commitment, 'hex') AS commitment
FROM chosen c CROSS JOIN LATERAL (VALUES (c.input), (c.output)) AS one (commitment)
