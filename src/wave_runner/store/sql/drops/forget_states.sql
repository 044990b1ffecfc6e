-- What is folded from the events of a range goes with them: whoever folds anew passes them over.
DELETE FROM record_states WHERE run_id >= %(first_run)s AND run_id < %(following)s
