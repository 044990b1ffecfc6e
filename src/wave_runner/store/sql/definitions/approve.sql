UPDATE definitions SET approved_at = now(), approved_by = %(by)s
WHERE definition_id = %(definition_id)s AND approved_at IS NULL
