-- What the interactions of a run add up to, by step and actor, in the order of the file; a step that nothing has reached is there too.
-- An attempt was handed to the actor, unless a recorded answer was taken: those are `answers`. Only what was handed over has a time. What
-- its contract stopped before the first attempt is not `broken`: that says nothing about the actor. Names come last: to sort a million
-- interactions by them takes several times as long as all the rest.
WITH done AS (
    SELECT run_step_id, sum(attempt) AS attempts, sum(greatest(attempt - 1, 0)) AS retries,
           count(*) FILTER (WHERE state = 'completed') AS completed,
           count(*) FILTER (WHERE state IN ('failed', 'quarantined') AND attempt > 0) AS broken,
           count(*) FILTER (WHERE service_us > 0) AS timed,
           sum(service_us) FILTER (WHERE service_us > 0) AS service_us,
           min(service_us) FILTER (WHERE service_us > 0) AS min_us,
           max(service_us) FILTER (WHERE service_us > 0) AS max_us
    FROM interactions
    WHERE run_id = %(run_id)s
    GROUP BY run_step_id
), middle AS (
    -- A step that was rerun is there several times, and has one median.
    SELECT rs.step_id, rs.actor_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY i.service_us) AS median_us
    FROM interactions i JOIN run_steps rs USING (run_id, run_step_id)
    WHERE i.run_id = %(run_id)s AND i.service_us > 0
    GROUP BY rs.step_id, rs.actor_id
), recalled AS (
    SELECT i.run_step_id, count(*) AS answers, sum(h.tokens) AS saved_tokens, sum(h.service_us) AS saved_us
    FROM hits h JOIN interactions i USING (run_id, interaction_id)
    WHERE h.run_id = %(run_id)s
    GROUP BY i.run_step_id
)
SELECT s.name AS step, a.name AS actor, a.kind,
       coalesce(sum(d.attempts), 0)::bigint AS attempts,
       coalesce(sum(d.retries), 0)::bigint AS retries,
       coalesce(sum(d.completed), 0)::bigint AS completed,
       coalesce(sum(d.broken), 0)::bigint AS broken,
       coalesce(sum(d.timed), 0)::bigint AS timed,
       coalesce(sum(d.service_us), 0)::bigint AS service_us,
       min(d.min_us) AS min_us, max(d.max_us) AS max_us, min(m.median_us) AS median_us,
       coalesce(sum(r.answers), 0)::bigint AS answers,
       coalesce(sum(r.saved_tokens), 0)::bigint AS saved_tokens,
       coalesce(sum(r.saved_us), 0)::bigint AS saved_us
FROM run_steps rs
JOIN steps s ON s.step_id = rs.step_id
JOIN actors a ON a.actor_id = rs.actor_id
LEFT JOIN done d ON d.run_step_id = rs.run_step_id
LEFT JOIN middle m ON m.step_id = rs.step_id AND m.actor_id = rs.actor_id
LEFT JOIN recalled r ON r.run_step_id = rs.run_step_id
WHERE rs.run_id = %(run_id)s
GROUP BY s.name, a.name, a.kind
ORDER BY min(rs.position)
