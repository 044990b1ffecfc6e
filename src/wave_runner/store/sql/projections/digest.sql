-- How many rows a copy has, and two sums over them that no order changes: 63 bits of a SHA-256 of each row, twice, with different salts.
WITH lines AS (
    SELECT 'state' || row(run_id, correlation_id, whole_run, state, step, step_state, attempts, troubles, events,
                          (extract(epoch FROM begun_at) * 1000000)::bigint, (extract(epoch FROM changed_at) * 1000000)::bigint,
                          first_index, last_index)::text AS line
    FROM record_states WHERE projection_id = %(projection_id)s
    UNION ALL
    SELECT 'count' || row(run_id, state, n)::text FROM record_counts WHERE projection_id = %(projection_id)s AND n <> 0
)
SELECT count(*) AS rows,
       coalesce(sum(('x' || left(encode(sha256(convert_to('a' || line, 'UTF8')), 'hex'), 16))::bit(64)::bigint & 9223372036854775807), 0)::text AS one,
       coalesce(sum(('x' || left(encode(sha256(convert_to('b' || line, 'UTF8')), 'hex'), 16))::bit(64)::bigint & 9223372036854775807), 0)::text AS other
FROM lines
