-- Compare and swap: nobody else has moved it since it was locked.
UPDATE projections
SET position = %(position)s, advanced_at = clock_timestamp(), stuck_because = %(because)s::text,
    stuck_since = CASE WHEN %(because)s::text IS NOT NULL THEN coalesce(stuck_since, clock_timestamp()) END
WHERE projection_id = %(projection_id)s AND position = %(from)s
RETURNING projection_id
