-- What people have said about these interactions, in the order in which they did.
SELECT d.interaction_id, d.round, d.person, d.answer, d.comment, d.seconds, d.decided_at, t.queue, t.title
FROM decisions d JOIN tasks t USING (run_id, interaction_id)
WHERE d.run_id = %(run_id)s AND d.interaction_id = ANY (%(ids)s::bigint[])
ORDER BY d.decided_at
