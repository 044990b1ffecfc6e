-- Why records are not done. A record that lacks two things stands under both; `total` counts the reasons, those beyond
-- the limit too.
SELECT reason, count(*) AS records, min(r.key) AS example, count(*) OVER () AS total
FROM run_records rr
JOIN records r USING (record_id)
CROSS JOIN LATERAL jsonb_array_elements_text(rr.broken::jsonb) AS reason
WHERE rr.run_id = %(run_id)s AND rr.state = 'incomplete'
GROUP BY reason
ORDER BY records DESC, reason
LIMIT %(limit)s
