-- The newest answer to a question is the one that counts. In the order of their keys: two that keep the same questions at once
-- would else wait for each other.
INSERT INTO answers (question, run_id, interaction_id)
SELECT DISTINCT ON (question) question, run_id, interaction_id
FROM unnest(%(questions)s::bytea[], %(run_ids)s::bigint[], %(ids)s::bigint[]) AS g (question, run_id, interaction_id)
ORDER BY question, interaction_id DESC
ON CONFLICT (question) DO UPDATE SET run_id = excluded.run_id, interaction_id = excluded.interaction_id
