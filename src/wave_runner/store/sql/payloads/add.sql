INSERT INTO payloads (run_id, interaction_id, attempt, role, media_type, nonce, content)
SELECT * FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[], %(attempts)s::int[], %(roles)s::text[],
                     %(media_types)s::text[], %(nonces)s::bytea[], %(contents)s::bytea[])
RETURNING payload_id, interaction_id
