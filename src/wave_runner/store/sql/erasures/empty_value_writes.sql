-- The hashes of values go, before and after: that of a short text can be guessed. The commitment stays, by which the row is known.
UPDATE value_writes v SET before_sha256 = NULL, after_sha256 = NULL, nonce = NULL, commitment = decode(g.commitment, 'hex')
FROM unnest(%(run_ids)s::bigint[], %(value_write_ids)s::bigint[], %(commitments)s::text[]) AS g (run_id, value_write_id, commitment)
WHERE v.run_id = g.run_id AND v.value_write_id = g.value_write_id
