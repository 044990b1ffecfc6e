-- What was said of some interactions when they went wrong, in their order.
SELECT i.error
FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[]) WITH ORDINALITY AS d (run_id, interaction_id, place)
LEFT JOIN LATERAL (SELECT error FROM interactions WHERE run_id = d.run_id AND interaction_id = d.interaction_id LIMIT 1) AS i ON true
ORDER BY d.place
