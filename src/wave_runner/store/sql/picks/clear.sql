-- Nobody can give an order about these any more.
WITH gone AS (
    DELETE FROM picks WHERE kind IS NULL AND expires_at < now() RETURNING pick_id
)
DELETE FROM picked WHERE pick_id = ANY (ARRAY(SELECT pick_id FROM gone))
