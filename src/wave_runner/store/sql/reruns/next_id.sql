SELECT nextval('rerun_ids') AS generation
