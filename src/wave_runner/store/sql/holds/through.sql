-- Records on which there is a hold, and which were given recorded answers of this one: what was asked and answered is kept here alone.
SELECT DISTINCT c.key, h.placed_by
FROM legal_holds h
JOIN records c USING (record_id)
JOIN interactions i USING (record_id)
JOIN hits x ON x.run_id = i.run_id AND x.interaction_id = i.interaction_id
JOIN interactions source ON source.run_id = x.source_run_id AND source.interaction_id = x.source_id
WHERE source.record_id = %(record_id)s AND h.record_id <> %(record_id)s
ORDER BY c.key
