-- From here to the COMMIT no run takes the record up, nobody promotes it, and nobody places or releases a hold on it.
SELECT record_id FROM records WHERE record_id = %(record_id)s FOR UPDATE
