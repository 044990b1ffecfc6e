-- The same number by another way: what the tables themselves say, to hold the live counts against.
SELECT state::text AS state, count(*) AS n FROM interactions WHERE run_id = %(run_id)s AND (in_force OR superseded_by IS NULL AND EXISTS (SELECT FROM experiments e WHERE e.run_id = interactions.run_id))
GROUP BY state
