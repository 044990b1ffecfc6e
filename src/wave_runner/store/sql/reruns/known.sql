-- A rerun, run by run, with its workflow. Of one that was undone, how many records were left alone by that.
SELECT r.run_id, r.generation, r.from_step, r.leads_on, r.reason, r.ordered_by, r.pinned_at, r.undone_at, r.undone_by, w.name AS workflow, w.workflow_id,
       (SELECT count(DISTINCT i.record_id) FROM run_steps rs JOIN interactions i ON i.run_step_id = rs.run_step_id AND i.run_id = rs.run_id
        WHERE rs.run_id = r.run_id AND rs.generation = r.generation) AS records,
       (SELECT count(*) FROM interactions i JOIN run_records rr ON rr.run_id = i.run_id AND rr.record_id = i.record_id
        WHERE i.run_id = r.run_id AND i.generation = r.generation AND i.finished_at IS NULL) AS unfinished,
       CASE WHEN r.undone_at IS NOT NULL THEN
           (SELECT count(DISTINCT i.record_id) FROM interactions i
            WHERE i.run_id = r.run_id AND i.generation = r.generation AND (i.in_force OR i.superseded_by > r.generation)) END AS left_alone
FROM reruns r JOIN workflow_runs run USING (run_id) JOIN workflows w USING (workflow_id)
WHERE r.generation > 0 AND r.generation = coalesce(%(generation)s, r.generation)
ORDER BY r.generation DESC, r.run_id
