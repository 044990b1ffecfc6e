-- For the statements that touch rows given by arrays of keys, or the first of a queue: whatever the statistics say, go by the
-- index, in its order. Then the values make no difference, and one plan does for all of them. Nor is any of it compiled: up to
-- PostgreSQL 17 what is off and cannot be done without seems to cost ten thousand million, and compiling takes most of a second.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('plan_cache_mode', 'force_generic_plan', true), set_config('jit', 'off', true)
