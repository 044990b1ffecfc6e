-- From now on a transaction that begins takes ids of events that are larger than the newest event that the run has. One that has begun
-- before may have a smaller one and come to its COMMIT yet: as long as there can be such a one, nothing is added up.
-- Ids of transactions of another cluster, which a database that was restored can hold, say nothing.
INSERT INTO run_sums (run_id, newest_event_id, begun_before)
VALUES (%(run_id)s, %(newest_event_id)s, pg_snapshot_xmax(pg_current_snapshot()))
ON CONFLICT (run_id) DO UPDATE
SET newest_event_id = excluded.newest_event_id, begun_before = excluded.begun_before,
    unsettled = NULL, sums = NULL, details = NULL
WHERE run_sums.newest_event_id <> excluded.newest_event_id OR run_sums.begun_before > excluded.begun_before
