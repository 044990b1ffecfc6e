-- Answers that were recorded in a range answer nobody any more.
DELETE FROM answers WHERE run_id >= %(first_run)s AND run_id < %(following)s
