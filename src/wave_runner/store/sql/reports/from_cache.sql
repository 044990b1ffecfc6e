-- What answers have saved a run that were recorded already.
SELECT count(*) AS answers, coalesce(sum(tokens), 0)::bigint AS saved_tokens, coalesce(sum(service_us), 0)::bigint AS saved_us
FROM hits
WHERE run_id = %(run_id)s
