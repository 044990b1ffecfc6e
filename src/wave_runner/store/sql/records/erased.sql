-- Those of these records that were erased. A statement of its own behind records/lock: only a new snapshot shows what was committed
-- while it waited.
SELECT DISTINCT record_id FROM erasures
WHERE record_id = ANY (%(record_ids)s::bigint[]) AND erased_at IS NOT NULL
