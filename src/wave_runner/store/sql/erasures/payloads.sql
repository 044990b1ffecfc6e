-- What was sent, what came back, what was logged, and what stood in the record's values before. Returns the commitments.
WITH own AS MATERIALIZED (
    SELECT run_id, interaction_id, correlation_id FROM interactions WHERE record_id = %(record_id)s
), chosen AS MATERIALIZED (
    SELECT p.run_id, p.payload_id, own.correlation_id, sha256(p.nonce || p.content) AS commitment
    FROM own JOIN payloads p USING (run_id, interaction_id)
    WHERE p.content IS NOT NULL
), gone AS (
    UPDATE payloads SET nonce = NULL, content = NULL
    WHERE (run_id, payload_id) IN (SELECT run_id, payload_id FROM chosen)
)
SELECT run_id, correlation_id, encode(commitment, 'hex') AS commitment FROM chosen
