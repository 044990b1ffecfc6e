-- The staged row that became a record: where it came from, who fetched it and who decided.
SELECT s.run_id, s.staged_id, s.source, s.position::text AS position, sha256(convert_to(s.raw::text, 'UTF8')) AS raw_sha256,
       s.interaction_id AS fetcher_id, s.decider_id, s.staged_at, s.decided_at
FROM staged_records s
WHERE s.record_id = %(record_id)s
ORDER BY s.run_id DESC, s.staged_id DESC
LIMIT 1
