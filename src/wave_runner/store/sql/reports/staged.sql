-- The staged rows of a run by what has become of them.
SELECT count(*) AS total,
       count(*) FILTER (WHERE state = 'waiting') AS waiting,
       count(*) FILTER (WHERE state = 'promoted') AS promoted,
       count(*) FILTER (WHERE state = 'updated') AS updated,
       count(*) FILTER (WHERE state = 'unchanged') AS unchanged,
       count(*) FILTER (WHERE state = 'rejected') AS rejected,
       count(*) FILTER (WHERE state = 'revalidated') AS revalidated,
       count(*) FILTER (WHERE state = 'rolled_back') AS rolled_back
FROM staged_records
WHERE run_id = %(run_id)s
