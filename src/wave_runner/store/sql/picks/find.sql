SELECT p.pick_id, p.run_id, p.person, w.name AS workflow, p.expires_at, p.expires_at < now() AS expired, p.kind, p.reason, p.reason_nonce, p.answer_sha256, p.done
FROM picks p JOIN workflow_runs r USING (run_id) JOIN workflows w USING (workflow_id)
WHERE p.pick_id = %(pick_id)s AND p.person = %(person)s
