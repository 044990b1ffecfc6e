-- What there is to erase of a record, by place.
WITH own AS MATERIALIZED (
    SELECT run_id, interaction_id, input, output, error, finished_at FROM interactions WHERE record_id = %(record_id)s
)
SELECT (SELECT count(*) FROM own WHERE finished_at IS NULL) AS live,
       (SELECT count(*) FROM own WHERE input IS NOT NULL OR output IS NOT NULL OR error <> 'erased') AS interactions,
       (SELECT count(*)
        FROM (SELECT run_id, payload_id FROM own JOIN payloads USING (run_id, interaction_id)
              UNION
              SELECT run_id, before_payload_id FROM value_writes WHERE record_id = %(record_id)s) AS its
        JOIN payloads p USING (run_id, payload_id)
        WHERE p.content IS NOT NULL) AS payloads,
       (SELECT count(*) FROM value_writes WHERE record_id = %(record_id)s AND after_sha256 IS NOT NULL) AS value_writes,
       (SELECT count(*) FROM staged_records WHERE record_id = %(record_id)s AND raw IS NOT NULL) AS staged_records,
       (SELECT count(*) FROM own JOIN tasks t USING (run_id, interaction_id) WHERE t.title <> 'erased') AS tasks,
       (SELECT count(*) FROM own JOIN decisions d USING (run_id, interaction_id)
        WHERE d.answer <> 'null' OR d.comment <> 'erased') AS decisions,
       (SELECT count(*) FROM own JOIN counterparts c USING (run_id, interaction_id) WHERE c.expected IS NOT NULL) AS counterparts,
       (SELECT count(*) FROM own JOIN answers a USING (run_id, interaction_id)) AS answers,
       (SELECT count(*) FROM run_records WHERE record_id = %(record_id)s AND (read_hash IS NOT NULL OR broken <> '["erased"]')) AS run_records
