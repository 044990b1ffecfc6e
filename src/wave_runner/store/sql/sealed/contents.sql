-- What the events of some interactions commit to, as far as it is kept, and with which of them.
SELECT p.interaction_id, p.nonce, p.content FROM payloads p
WHERE (p.run_id, p.interaction_id) IN (SELECT * FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[]))
  AND p.nonce IS NOT NULL
UNION ALL
SELECT i.interaction_id, kept.nonce, convert_to(kept.content, 'UTF8')
FROM interactions i
CROSS JOIN LATERAL (VALUES (i.input_nonce, i.input), (i.output_nonce, i.output)) AS kept (nonce, content)
WHERE (i.run_id, i.interaction_id) IN (SELECT * FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[]))
  AND kept.nonce IS NOT NULL AND kept.content IS NOT NULL
