-- Why records are not done. A record that lacks two things stands under both; `total` counts the reasons, those beyond
-- the limit too. Most say the same: what is the same is counted before it is read, and one record of each reason is looked up.
WITH same AS MATERIALIZED (
    SELECT broken, count(*) AS n, min(record_id) AS record_id
    FROM run_records
    WHERE run_id = %(run_id)s AND state = 'incomplete'
    GROUP BY broken
), reasons AS MATERIALIZED (
    SELECT reason, sum(n)::bigint AS records, min(record_id) AS record_id, count(*) OVER () AS total
    FROM same CROSS JOIN LATERAL jsonb_array_elements_text(broken::jsonb) AS reason
    GROUP BY reason
    ORDER BY records DESC, reason
    LIMIT %(limit)s
)
SELECT reason, records, r.key AS example, total
FROM reasons
CROSS JOIN LATERAL (SELECT key FROM records WHERE record_id = reasons.record_id LIMIT 1) AS r
ORDER BY records DESC, reason
