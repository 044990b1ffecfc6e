-- Who has placed a hold on a record that is locked.
SELECT placed_by FROM legal_holds WHERE record_id = %(record_id)s
