-- A copy that nothing is folded into yet. There is one live and one beside it, whoever asks for them first.
INSERT INTO projections (name, version, code_sha256, state)
SELECT %(name)s, %(version)s, %(code_sha256)s, %(state)s
ON CONFLICT DO NOTHING
RETURNING projection_id
