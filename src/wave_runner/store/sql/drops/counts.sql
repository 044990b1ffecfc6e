-- How many rows of each kind go with a range.
SELECT (SELECT count(*) FROM interactions WHERE run_id >= %(first_run)s AND run_id < %(following)s) AS interactions,
       (SELECT count(*) FROM interaction_events WHERE run_id >= %(first_run)s AND run_id < %(following)s) AS events,
       (SELECT count(*) FROM interaction_inputs WHERE run_id >= %(first_run)s AND run_id < %(following)s) AS inputs,
       (SELECT count(*) FROM joins WHERE run_id >= %(first_run)s AND run_id < %(following)s) AS joins,
       (SELECT count(*) FROM tasks WHERE run_id >= %(first_run)s AND run_id < %(following)s) AS tasks,
       (SELECT count(*) FROM decisions WHERE run_id >= %(first_run)s AND run_id < %(following)s) AS decisions,
       (SELECT count(*) FROM staged_records WHERE run_id >= %(first_run)s AND run_id < %(following)s) AS staged_records,
       (SELECT count(*) FROM payloads WHERE run_id >= %(first_run)s AND run_id < %(following)s) AS payloads,
       (SELECT count(*) FROM hits WHERE run_id >= %(first_run)s AND run_id < %(following)s) AS hits,
       (SELECT count(*) FROM counterparts WHERE run_id >= %(first_run)s AND run_id < %(following)s) AS counterparts,
       (SELECT count(*) FROM value_writes WHERE run_id >= %(first_run)s AND run_id < %(following)s) AS value_writes,
       (SELECT count(*) FROM ledger WHERE run_id >= %(first_run)s AND run_id < %(following)s) AS calls
