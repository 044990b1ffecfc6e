-- What interactions of a record were given and have given, and what their errors say. Returns the commitments of what is gone.
WITH kept AS MATERIALIZED (
    SELECT run_id, correlation_id, sha256(input_nonce || convert_to(input, 'UTF8')) AS input,
           sha256(output_nonce || convert_to(output, 'UTF8')) AS output
    FROM interactions WHERE record_id = %(record_id)s
), gone AS (
    UPDATE interactions
    SET erased = true, input = NULL, input_nonce = NULL, output = NULL, output_nonce = NULL,
        error = CASE WHEN error IS NOT NULL THEN 'erased' END
    WHERE record_id = %(record_id)s
)
SELECT k.run_id, k.correlation_id, encode(one.commitment, 'hex') AS commitment
FROM kept k CROSS JOIN LATERAL (VALUES (k.input), (k.output)) AS one (commitment)
WHERE one.commitment IS NOT NULL
