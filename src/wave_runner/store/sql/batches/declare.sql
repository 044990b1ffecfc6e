-- A step has read its source to the end. It says so once, however often it is asked to.
INSERT INTO batches (run_id, fetcher_ids) VALUES (%(run_id)s, ARRAY[%(interaction_id)s::bigint])
ON CONFLICT (run_id) DO UPDATE SET fetcher_ids = batches.fetcher_ids || excluded.fetcher_ids
WHERE NOT batches.fetcher_ids @> excluded.fetcher_ids
RETURNING run_id
