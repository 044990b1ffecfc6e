UPDATE log_state
SET trouble = %(trouble)s::text, troubled_at = CASE WHEN %(trouble)s::text IS NOT NULL THEN clock_timestamp() END
WHERE trouble IS DISTINCT FROM %(trouble)s::text
