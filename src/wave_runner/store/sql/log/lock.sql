-- Who has this row seals or signs; anybody else goes away. Nothing of it may be read before: another sealer may be about to commit.
SELECT origin, next_index, frontier, last_snapshot::text AS last_snapshot,
       pg_snapshot_xmax(coalesce(target_snapshot, last_snapshot))::text::bigint AS last_xmax, target_snapshot::text AS target_snapshot,
       after_event_id, until_event_id, system_identifier, floor_event_id, public_key, stopped,
       coalesce((SELECT max(size) FROM log_checkpoints), 0) AS signed_size
FROM log_state
FOR UPDATE SKIP LOCKED
