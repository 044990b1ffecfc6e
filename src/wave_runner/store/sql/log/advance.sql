UPDATE log_state
SET next_index = %(next_index)s, frontier = %(frontier)s::bytea[], last_snapshot = %(last_snapshot)s::pg_snapshot,
    target_snapshot = %(target_snapshot)s::pg_snapshot, after_event_id = %(after_event_id)s::bigint,
    until_event_id = %(until_event_id)s::bigint, system_identifier = %(system_identifier)s::bigint,
    floor_event_id = %(floor_event_id)s
