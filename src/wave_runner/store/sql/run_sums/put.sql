-- Keep what a run that has ended comes to. What it came to while it was under way is of no use any more.
WITH kept AS (
    UPDATE run_sums SET sums = %(sums)s, details = %(details)s, unsettled = %(unsettled)s
    WHERE run_id = %(run_id)s AND newest_event_id = %(newest_event_id)s
    RETURNING run_id
)
DELETE FROM interim_sums WHERE run_id IN (SELECT run_id FROM kept)
