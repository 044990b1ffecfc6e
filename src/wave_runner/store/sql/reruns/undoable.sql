-- The records that a rerun has redone in a run and that stand by it, and what speaks against taking that back: the run was
-- cancelled, they are erased or at work, or a later rerun has gone on from there.
SELECT c.record_id, c.key, mine.ids,
       CASE WHEN (SELECT cancelled_at IS NOT NULL FROM workflow_runs WHERE run_id = %(run_id)s) THEN 'run_cancelled'
            WHEN EXISTS (SELECT FROM interactions gone
                         WHERE gone.record_id = c.record_id AND gone.run_id = %(run_id)s AND gone.erased) THEN 'erased'
            WHEN EXISTS (SELECT FROM run_records o
                         WHERE o.record_id = c.record_id AND o.workflow_id = %(workflow_id)s AND o.state = 'live') THEN 'under_way'
            WHEN EXISTS (SELECT FROM interactions later
                         WHERE later.record_id = c.record_id AND later.run_id = %(run_id)s AND later.in_force
                           AND later.generation > %(generation)s AND later.state <> 'skipped') THEN 'redone_later' END AS trouble
FROM (
    SELECT i.record_id, coalesce(array_agg(i.interaction_id) FILTER (WHERE i.in_force), '{}') AS ids
    FROM run_steps rs JOIN interactions i USING (run_id, run_step_id)
    WHERE rs.run_id = %(run_id)s AND rs.generation = %(generation)s AND i.record_id IS NOT NULL
      AND (i.in_force OR i.superseded_by > %(generation)s)
    GROUP BY i.record_id
) AS mine
JOIN records c ON c.record_id = mine.record_id
ORDER BY c.record_id
