DELETE FROM legal_holds WHERE record_id = %(record_id)s RETURNING record_id
