-- Everything that was ever approved for these actors, the newest first.
SELECT name, sha256, body, approved_at, approved_by
FROM definitions
WHERE kind = 'actor' AND name = ANY (%(actors)s::text[]) AND approved_at IS NOT NULL
ORDER BY name, approved_at DESC, definition_id DESC
