-- Records whose flow has ended and whose `ensures` nobody has checked yet.
SELECT rr.run_id, rr.record_id, rec.key
FROM run_records rr JOIN records rec USING (record_id)
WHERE rr.run_id = %(run_id)s AND rr.state = 'ended'
ORDER BY rr.record_id
LIMIT %(size)s
FOR UPDATE OF rr SKIP LOCKED
