-- What has paused a run counts no more: whoever resumes it sees what comes from then on.
UPDATE last_results SET recent = '' WHERE run_step_id = %(run_step_id)s
