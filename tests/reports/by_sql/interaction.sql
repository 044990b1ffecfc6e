WITH RECURSIVE one AS (
    SELECT * FROM interactions WHERE run_id = %(run_id)s AND interaction_id = %(interaction_id)s
), own AS (
    SELECT e.*, e.data::jsonb AS said FROM interaction_events e JOIN one USING (run_id, interaction_id)
), chain AS (
    SELECT * FROM (SELECT e.*, 1 AS back FROM interaction_events e JOIN one USING (run_id, interaction_id) ORDER BY e.seq DESC LIMIT 1) AS newest
    UNION ALL
    SELECT e.*, c.back + 1 FROM chain c
    JOIN interaction_events e ON e.run_id = c.run_id AND e.interaction_id = c.cause_interaction_id AND e.seq = c.cause_seq
), tries AS (
    SELECT b.said ->> 'attempt' AS attempt, b.wave_id, f.said ->> 'service_us' AS service_us, l.tokens_in, l.tokens_out,
           (l.token_money + l.machine_money) / 1e9 AS cost,
           (SELECT jsonb_agg(true) FROM payloads p JOIN one USING (run_id, interaction_id)
            WHERE p.attempt = l.attempt AND role IN ('request', 'answer', 'server', 'log', 'error')) AS evidence
    FROM own b
    JOIN own f ON f.seq = b.seq + 1
    JOIN ledger l ON l.run_id = b.run_id AND l.interaction_id = b.interaction_id AND l.attempt = (b.said ->> 'attempt')::int
    WHERE b.type = 'interaction_started'
), basic AS (
    SELECT jsonb_build_object('interaction_id', interaction_id, 'item', item, 'iteration', iteration, 'attempt', attempt,
                              'service_us', service_us, 'tokens_in', tokens_in, 'tokens_out', tokens_out) AS said
    FROM one
)
SELECT jsonb_build_object(
    'run_id', %(run_id)s, 'interaction', basic.said, 'parent_id', one.parent_id,
    'attempts', (SELECT jsonb_agg(to_jsonb(t) ORDER BY attempt) FROM tries t),
    'work', basic.said || jsonb_build_object(
        'run_id', one.run_id, 'record_id', one.record_id, 'began', concat(interaction_id, '.', one.seq - 1), 'ended', concat(interaction_id, '.', one.seq),
        'cost', (SELECT sum(cost) FROM tries),
        'reads', '[{"interaction_ids": []}]'::jsonb, 'decisions', '[]'::jsonb, 'missing', '[]'::jsonb, 'erased', '[]'::jsonb),
    'causes', (SELECT jsonb_agg(jsonb_build_object('event', concat(interaction_id, '.', seq)) ORDER BY back DESC) FROM chain),
    'events', (SELECT jsonb_agg(jsonb_build_object(
        'event_id', event_id, 'interaction_id', interaction_id, 'seq', seq, 'cause', concat(cause_interaction_id, '.', cause_seq),
        'attempt', said -> 'attempt', 'service_us', said -> 'service_us', 'wave_id', wave_id, 'to', coalesce(said -> 'to', '[]')) ORDER BY seq) FROM own))
FROM one, basic
