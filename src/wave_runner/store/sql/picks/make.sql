-- Picks what a list of a run's interactions shows, on all of its pages: the conditions are those of reports/interactions, and the ways
-- to it too. Of those without an index the whole run is looked at. More than `most` are too many: whoever asks finds one more.
WITH looked AS (
    (SELECT interaction_id, seq, run_step_id, state, error_class, rule FROM interactions
     WHERE %(by)s::text = 'place' AND run_id = %(run_id)s
     OFFSET 0)
    UNION ALL
    (SELECT interaction_id, seq, run_step_id, state, error_class, rule FROM interactions
     WHERE %(by)s::text = 'given' AND run_id = %(run_id)s AND interaction_id = ANY (%(ids)s::bigint[])
     OFFSET 0)
    UNION ALL
    (SELECT interaction_id, seq, run_step_id, state, error_class, rule FROM interactions
     WHERE %(by)s::text = 'record' AND run_id = %(run_id)s AND record_id = %(record_id)s
     OFFSET 0)
    UNION ALL
    (SELECT interaction_id, seq, run_step_id, state, error_class, rule FROM interactions
     WHERE %(by)s::text = 'trouble' AND run_id = %(run_id)s AND (error IS NOT NULL OR rule IS NOT NULL)
     OFFSET 0)
), made AS (
    INSERT INTO picks (run_id, person, expires_at)
    VALUES (%(run_id)s, %(person)s, now() + %(lasts_s)s * interval '1 second')
    RETURNING pick_id, expires_at
), filled AS (
    INSERT INTO picked (pick_id, interaction_id, seq)
    SELECT made.pick_id, interaction_id, seq
    FROM made CROSS JOIN looked
    WHERE (%(step)s::text IS NULL OR run_step_id = ANY (ARRAY(
          SELECT rs.run_step_id FROM run_steps rs JOIN steps s USING (step_id) WHERE rs.run_id = %(run_id)s AND s.name = %(step)s)))
      AND (%(state)s::text IS NULL OR state::text = %(state)s)
      AND (%(error_class)s::text IS NULL OR error_class = %(error_class)s)
      AND (%(rule)s::text IS NULL OR rule = %(rule)s)
    LIMIT %(most)s + 1
    RETURNING pick_id
)
SELECT pick_id, expires_at, (SELECT count(*) FROM filled) AS total FROM made
