-- Before what is in them is looked at: nothing can be added to ranges that are about to go.
SELECT close_run_range(first_run) FROM unnest(%(ranges)s::bigint[]) AS first_run ORDER BY first_run
