-- What is kept of each attempt at one interaction: what was sent and came back, what was printed and raised. NULL: it was erased.
SELECT attempt, role, media_type, content
FROM payloads
WHERE run_id = %(run_id)s AND interaction_id = %(interaction_id)s AND role <> 'before'
ORDER BY attempt, payload_id
