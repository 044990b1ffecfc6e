-- Keep what a run came to at a moment, and let nobody count for many times as long as that has taken.
UPDATE interim_sums
SET sums = %(sums)s, details = %(details)s, counted_at = %(counted_at)s, newest_event_id = %(newest_event_id)s,
    next_at = clock_timestamp() + greatest(make_interval(secs => %(rest_s)s), %(rests)s * (clock_timestamp() - %(counted_at)s))
WHERE run_id = %(run_id)s AND (counted_at IS NULL OR counted_at < %(counted_at)s)
