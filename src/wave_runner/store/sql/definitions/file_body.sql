SELECT body FROM definitions
WHERE kind IN ('file', 'prompt', 'schema', 'sql', 'workflow') AND sha256 = %(sha256)s
LIMIT 1
