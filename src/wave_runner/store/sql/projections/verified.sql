-- What came of the last comparison with a copy that was folded anew.
UPDATE projections
SET verified_position = position, verified_at = clock_timestamp(), digest = %(digest)s,
    diverged_since = CASE WHEN %(diverged)s THEN coalesce(diverged_since, clock_timestamp()) END
WHERE projection_id = %(projection_id)s
