-- A run that has failed because rows were not decided on is judged once more when they are.
UPDATE workflow_runs r SET state = 'running', ended_at = NULL, reason = NULL, broken = NULL, ends_by = NULL
WHERE run_id = %(run_id)s AND reason = 'rows_undecided'
  AND NOT EXISTS (SELECT FROM staged_records s WHERE s.run_id = r.run_id AND s.state = 'waiting')
