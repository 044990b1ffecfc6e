-- Where a fetch resumes: behind the last row that is safely staged.
SELECT position, count(*) OVER () AS staged
FROM staged_records
WHERE run_id = %(run_id)s AND interaction_id = %(interaction_id)s
ORDER BY staged_id DESC
LIMIT 1
