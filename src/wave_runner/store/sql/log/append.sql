COPY event_log (log_index, run_id, event_id, kind, entry) FROM STDIN (FORMAT binary)
