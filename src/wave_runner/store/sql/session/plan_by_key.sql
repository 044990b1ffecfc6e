-- For the statements that touch rows given by arrays of keys: whatever the statistics say, go by the index.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true)
