-- The ranges of months that began earlier and have not gone, with what lies in them. The newest one stays: new runs go into it.
-- Counts of partitions are exact. `bytes` are those on the disk, indexes included.
WITH old AS MATERIALIZED (
    SELECT r.first_run, r.following, r.month, r.drop_id
    FROM run_ranges r
    WHERE r.month < %(before)s::date AND r.dropped_at IS NULL AND r.first_run < (SELECT max(first_run) FROM run_ranges)
), entries AS MATERIALIZED (
    SELECT o.first_run, min(l.log_index) AS first_index, max(l.log_index) AS last_index
    FROM event_log l JOIN old o ON l.run_id >= o.first_run AND l.run_id < o.following
    GROUP BY o.first_run
)
SELECT o.first_run, o.following, o.month, o.drop_id IS NOT NULL AS ordered,
       (SELECT count(*) FROM workflow_runs w WHERE w.run_id >= o.first_run AND w.run_id < o.following) AS runs,
       (SELECT count(DISTINCT record_id) FROM run_records w WHERE w.run_id >= o.first_run AND w.run_id < o.following) AS records,
       (SELECT count(*) FROM interactions i WHERE i.run_id >= o.first_run AND i.run_id < o.following) AS interactions,
       (SELECT count(*) FROM interaction_events e WHERE e.run_id >= o.first_run AND e.run_id < o.following) AS events,
       (SELECT count(*) FROM value_writes v WHERE v.run_id >= o.first_run AND v.run_id < o.following) AS value_writes,
       (SELECT count(*) FROM staged_records s WHERE s.run_id >= o.first_run AND s.run_id < o.following AND s.state = 'waiting') AS undecided,
       (SELECT count(*) FROM hits h
        WHERE h.source_run_id >= o.first_run AND h.source_run_id < o.following AND h.run_id >= o.following) AS answers_given_later,
       (SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
        FROM pg_inherits h
        JOIN pg_class parent ON parent.oid = h.inhparent AND parent.relnamespace = current_schema()::regnamespace
        JOIN pg_class c ON c.oid = h.inhrelid AND c.relkind = 'r' AND c.relname = parent.relname || '_r' || o.first_run) AS bytes,
       n.first_index, n.last_index
FROM old o LEFT JOIN entries n USING (first_run)
ORDER BY o.first_run
