-- What came of each interaction of an experiment, and of the result that it is held against. Where a recorded answer was given,
-- nobody has measured how long an answer takes.
SELECT i.interaction_id, coalesce(c.key, 'case ' || i.item + 1) AS record, i.record_id, i.item, i.state::text AS state, i.rule, i.error_class, i.error,
       i.output, i.input, i.tokens_in + i.tokens_out AS tokens, i.service_us, i.attempt,
       k.source_run_id, k.source_id, k.expected, s.state::text AS source_state, s.in_force AS source_in_force,
       coalesce(s.rule, s.error_class) AS source_rule, s.output AS source_output,
       s.tokens_in + s.tokens_out AS source_tokens, CASE WHEN h.source_id IS NULL THEN s.service_us END AS source_us
FROM interactions i
JOIN counterparts k USING (run_id, interaction_id)
LEFT JOIN records c ON c.record_id = i.record_id
LEFT JOIN interactions s ON s.run_id = k.source_run_id AND s.interaction_id = k.source_id
LEFT JOIN hits h ON h.run_id = s.run_id AND h.interaction_id = s.interaction_id
WHERE i.run_id = %(run_id)s
ORDER BY i.interaction_id
