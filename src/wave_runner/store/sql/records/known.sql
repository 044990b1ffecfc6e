-- The record with this key, and the newest run of the workflow that had it.
SELECT r.record_id,
       (SELECT max(x.run_id) FROM run_records x JOIN workflows w USING (workflow_id)
        WHERE x.record_id = r.record_id AND w.name = %(workflow)s) AS run_id
FROM records r
WHERE r.collection = %(collection)s AND r.key = %(key)s
