-- The records of a rerun, in all its runs: whoever erases one of them waits until the COMMIT, and whoever has begun to is waited for.
SELECT record_id FROM records
WHERE record_id IN (SELECT i.record_id FROM run_steps rs JOIN interactions i USING (run_id, run_step_id)
                    WHERE rs.generation = %(generation)s AND i.record_id IS NOT NULL)
ORDER BY record_id
FOR NO KEY UPDATE
