SELECT s.staged_id, s.source, s.position
FROM this_run r JOIN postings_staging s USING (run_id)
WHERE s.state = 'rejected' AND (s.errors IS NULL OR s.errors = '[]')
