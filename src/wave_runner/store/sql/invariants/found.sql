-- What breaks an invariant: how much, and the first of it. The newlines keep a comment of the query from swallowing
-- what follows it.
SELECT count(*) OVER () AS total, found.run_id, found.interaction_id, found.says
FROM (
{query}
) AS found
ORDER BY found.run_id, found.interaction_id
LIMIT %(shown)s
