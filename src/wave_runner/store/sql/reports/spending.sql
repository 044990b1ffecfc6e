-- What the run has used as a whole.
SELECT interactions, model_calls, seconds, tokens, money FROM spending WHERE run_id = %(run_id)s AND record_id = 0
