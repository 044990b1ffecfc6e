-- All events of a record's interactions, of those that led to them, where its runs began and its flows were judged, and what was ordered about it.
WITH RECURSIVE flows AS (
    SELECT rr.run_id, rr.record_id, rr.correlation_id FROM run_records rr JOIN records r USING (record_id) WHERE r.key = %(key)s
), wanted AS (
    SELECT i.run_id, i.interaction_id FROM flows f JOIN interactions i USING (run_id, record_id)
    UNION
    SELECT e.run_id, e.cause_interaction_id
    FROM wanted w JOIN interaction_events e USING (run_id, interaction_id)
    WHERE e.seq = 1 AND e.cause_interaction_id IS NOT NULL
), events AS (
    SELECT e.event_id FROM wanted w JOIN interaction_events e USING (run_id, interaction_id)
    UNION ALL
    SELECT e.event_id FROM interaction_events e
    WHERE e.run_id IN (SELECT run_id FROM flows) AND e.interaction_id IS NULL AND e.type = 'run_started'
    UNION ALL
    -- What was erased of it: of one record, or of many that were old.
    SELECT e.event_id FROM interaction_events e JOIN flows f USING (run_id)
    WHERE e.type = 'payload_erased' AND (e.correlation_id = f.correlation_id OR e.correlation_id IS NULL)
    UNION ALL
    -- Whether it was completed: a verdict names the flows of a chunk.
    SELECT e.event_id FROM interaction_events e JOIN flows f USING (run_id)
    WHERE e.type = 'records_settled' AND strpos(e.data, f.correlation_id::text) > 0
    UNION ALL
    -- Who wanted it erased, who agreed, and who forbade it.
    SELECT e.event_id FROM interaction_events e
    WHERE e.run_id = 0
      AND e.type IN ('erasure_requested', 'erasure_withdrawn', 'record_erased', 'hold_placed', 'hold_released')
      AND (e.correlation_id IN (SELECT a.erasure_id FROM erasures a JOIN records r USING (record_id) WHERE r.key = %(key)s)
           OR EXISTS (SELECT FROM flows f WHERE strpos(e.data, f.correlation_id::text) > 0))
    UNION ALL
    -- What was dropped of it, with all of its runs.
    SELECT e.event_id FROM interaction_events e
    WHERE e.run_id = 0 AND e.type = 'history_dropped'
      AND EXISTS (SELECT FROM flows f WHERE f.run_id BETWEEN (e.data::json ->> 'first_run')::bigint AND (e.data::json ->> 'last_run')::bigint)
)
SELECT l.log_index FROM events JOIN event_log l USING (event_id) WHERE l.log_index < %(size)s
