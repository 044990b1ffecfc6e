SELECT e.record_id,
       CASE WHEN r.repeats IS NULL THEN 'has no answer'
            ELSE format('repeats %s, which repeats another one', r.repeats) END AS reason
FROM ended_records e
JOIN requests r ON r.request_no = e.key
LEFT JOIN requests o ON o.request_no = r.repeats
WHERE (r.repeats IS NULL AND (r.team IS NULL OR r.urgency IS NULL OR r.answer IS NULL)) OR o.repeats IS NOT NULL
