-- What was sent and what came back, exactly, and the version of the server that was asked: of one attempt each.
SELECT p.interaction_id, p.attempt, p.role, p.media_type, p.nonce, p.content
FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[], %(attempts)s::int[]) AS g (run_id, interaction_id, attempt)
JOIN payloads p ON p.run_id = g.run_id AND p.interaction_id = g.interaction_id AND p.attempt = g.attempt
WHERE p.role IN ('request', 'answer', 'server')
ORDER BY p.payload_id
