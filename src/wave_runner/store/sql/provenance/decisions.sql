-- What people have said about these interactions, in the order in which they did. Where they are blind to each other, what is
-- said in a round is nobody's to see before that round is over.
SELECT d.interaction_id, d.round, d.person, d.answer, d.comment, d.seconds, d.decided_at, t.queue, t.title
FROM decisions d JOIN tasks t USING (run_id, interaction_id)
WHERE d.run_id = %(run_id)s AND d.interaction_id = ANY (%(ids)s::bigint[])
  AND (NOT t.blind OR t.decided_at IS NOT NULL OR d.round < t.round)
ORDER BY d.decided_at
