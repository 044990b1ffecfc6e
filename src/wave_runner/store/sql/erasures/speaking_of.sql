-- What belongs to no record, and has the key in it: nobody but a person can say whether it speaks of this one.
WITH given AS (
    SELECT %(key)s::text AS key, convert_to(%(key)s::text, 'UTF8') AS bytes
), once AS NOT MATERIALIZED (
    SELECT * FROM interactions WHERE record_id IS NULL
)
SELECT (SELECT count(*) FROM once, given
        WHERE strpos(once.input, key) > 0 OR strpos(once.output, key) > 0 OR strpos(once.error, key) > 0) AS interactions,
       (SELECT count(*) FROM given, once JOIN payloads p USING (run_id, interaction_id)
        WHERE position(given.bytes IN p.content) > 0) AS payloads,
       (SELECT count(*) FROM staged_records s, given
        WHERE s.record_id IS NULL AND (strpos(s.raw::text, key) > 0 OR strpos(s.errors::text, key) > 0)) AS staged_records,
       (SELECT count(*) FROM reruns r, given WHERE strpos(r.reason, key) > 0) AS reruns,
       (SELECT count(*) FROM invalidations v, given WHERE strpos(v.reason, key) > 0) AS invalidations,
       (SELECT count(*) FROM picks p, given WHERE strpos(p.reason, key) > 0) AS picks
