-- Of several requests about the same thing in the same place, only the oldest is worked on.
SELECT w.interaction_id, older.request_no IS NOT NULL AS is_repeated, older.request_no AS "requests.repeats"
FROM wave_items w
JOIN requests r ON r.request_no = w.key
LEFT JOIN LATERAL (
    SELECT o.request_no
    FROM requests o
    WHERE (o.complaint, o.descriptor, o.place) = (r.complaint, r.descriptor, r.place)
      AND (o.received_at, o.request_no) < (r.received_at, r.request_no)
    ORDER BY o.received_at, o.request_no
    LIMIT 1
) AS older ON true
