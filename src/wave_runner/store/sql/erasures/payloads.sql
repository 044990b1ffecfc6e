-- What was sent, what came back, what was logged, and what stood in the record's values before. Returns the commitments.
WITH own AS MATERIALIZED (
    SELECT run_id, interaction_id, correlation_id FROM interactions WHERE record_id = %(record_id)s
), kept AS MATERIALIZED (
    SELECT run_id, payload_id, own.correlation_id FROM own JOIN payloads USING (run_id, interaction_id)
    UNION
    -- What a batch has changed of its row, and what a rollback has taken back of that, is with the step that decided about the whole batch.
    SELECT v.run_id, v.before_payload_id, i.correlation_id
    FROM value_writes v JOIN interactions i USING (run_id, interaction_id)
    WHERE v.record_id = %(record_id)s AND v.before_payload_id IS NOT NULL
), chosen AS MATERIALIZED (
    SELECT p.run_id, p.payload_id, kept.correlation_id, sha256(p.nonce || p.content) AS commitment
    FROM kept JOIN payloads p USING (run_id, payload_id)
    WHERE p.content IS NOT NULL
), gone AS (
    UPDATE payloads SET nonce = NULL, content = NULL
    WHERE (run_id, payload_id) IN (SELECT run_id, payload_id FROM chosen)
)
SELECT run_id, correlation_id, encode(commitment, 'hex') AS commitment FROM chosen
